/** The full cloud's RabbitMQ. */
import { FULL_HOME, type FullCloudSettings } from "../settings";

const HOME = `${FULL_HOME}/rabbitmq`;

/** Its configuration file. */
export function messagesConfiguration({ full }: FullCloudSettings): string {
  return `default_user = cloud
default_pass = ${full.servicePassword}
listeners.tcp.1 = 127.0.0.1:5672
`;
}

/** The server's own script: the one in /usr/sbin changes the user, and knows no folder but its own. */
export const MESSAGES_COMMAND = ["/usr/lib/rabbitmq/bin/rabbitmq-server"];

/** Where it keeps what: nothing of it in /var and /etc. */
export const MESSAGES_VARIABLES = {
  HOME,
  RABBITMQ_NODENAME: "rabbit@localhost",
  RABBITMQ_MNESIA_BASE: `${HOME}/data`,
  RABBITMQ_LOG_BASE: `${HOME}/log`,
  RABBITMQ_LOGS: "-",
  RABBITMQ_PID_FILE: `${HOME}/pid`,
  RABBITMQ_CONF_ENV_FILE: `${HOME}/none`,
  RABBITMQ_CONFIG_FILE: `${FULL_HOME}/rabbitmq.conf`,
  RABBITMQ_ENABLED_PLUGINS_FILE: `${HOME}/enabled_plugins`,
  // With its name from the first moment on. Else it starts under another one, ends that and starts again within a second:
  // on a busy machine that fails ("failed_to_start_child,auth,{already_started").
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-sname rabbit@localhost -kernel inet_dist_use_interface {127,0,0,1}",
  ERL_EPMD_ADDRESS: "127.0.0.1",
};

/** URL of the message queue, as oslo.messaging reads it. */
export function messagesUrl({ full }: FullCloudSettings): string {
  return `rabbit://cloud:${full.servicePassword}@127.0.0.1:5672/`;
}
