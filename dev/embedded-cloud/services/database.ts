/** The full cloud's MariaDB: Neutron's migrations refuse SQLite, and Nova locks up on it under parallel calls. */

import { FULL_HOME, type FullCloudSettings } from "../settings";

const DATABASES = ["placement", "nova_api", "nova", "nova_cell0", "neutron"] as const;
const DATA = `${FULL_HOME}/mysql`;

/** The arguments of mariadb-install-db. */
export const INSTALL_ARGUMENTS = [
  ...["--no-defaults", "--user=root", `--datadir=${DATA}`, "--skip-test-db"],
  "--auth-root-authentication-method=normal",
];

/** What MariaDB executes each time that it starts: all that is there already stays. */
export function databaseInit({ full }: FullCloudSettings): string {
  return [
    ...DATABASES.map((name) => `CREATE DATABASE IF NOT EXISTS ${name} CHARACTER SET utf8;`),
    `CREATE OR REPLACE USER cloud@127.0.0.1 IDENTIFIED BY '${full.servicePassword}';`,
    ...DATABASES.map((name) => `GRANT ALL ON ${name}.* TO cloud@127.0.0.1;`),
    "",
  ].join("\n");
}

/** Serves it, on the namespace's loopback. */
export const DATABASE_COMMAND = [
  ...["mariadbd", "--no-defaults", "--user=root", `--datadir=${DATA}`, `--init-file=${FULL_HOME}/mysql.sql`],
  ...["--bind-address=127.0.0.1", "--socket=/run/mysqld/mysqld.sock", "--pid-file=/run/mysqld/mysqld.pid"],
  ...["--max-connections=500", "--performance-schema=OFF", "--skip-name-resolve"],
  // A crash of the machine may cost a second of a cloud that is for trying things.
  ...["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-buffer-pool-size=64M"],
];

/** URL of a database, as SQLAlchemy reads it. */
export function databaseUrl({ full }: FullCloudSettings, name: (typeof DATABASES)[number]): string {
  return `mysql+pymysql://cloud:${full.servicePassword}@127.0.0.1/${name}?charset=utf8`;
}
