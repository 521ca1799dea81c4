/** Serves a WSGI program by uWSGI, on loopback. */
export function uwsgi(port: number, program: string, processes: number): string[] {
  return [
    "uwsgi",
    ...["--plugin", "python3", "--wsgi-file", program],
    ...["--http-socket", `127.0.0.1:${port}`, "--master", "--processes", String(processes)],
    ...["--need-app", "--no-orphans"],
    // Without it SIGTERM only reloads.
    "--die-on-term",
    // A token with its catalog in the headers is larger than the default of 4 KiB.
    ...["--buffer-size", "65535"],
    // Without it a connection is reset now and then.
    ...["--add-header", "Connection: close"],
    "--disable-logging",
  ];
}
