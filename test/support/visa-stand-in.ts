// This is not VISA: it answers as VISA's API server 3.8.2 was seen to answer, oddities and all, and does nothing else.
/**
 * Images, plans, flavours, protocols and cloud clients by GraphQL; version and account by REST. Tests of it: one for each
 * oddity (test/support/visa-stand-in.test.ts). No code of the library knows of it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type DocumentNode, execute, Kind, parse, validate, visit } from "graphql";
import { NOBODY, SCHEMA, StandInTables, SYSTEM_ERROR } from "./visa-stand-in-tables";

/** What is to go wrong, once, at an operation (a root field of GraphQL, or `account`, `configuration`). */
export interface Fault {
  readonly at: string;
  readonly how:
    | "cut before" // the connection ends, nothing is done
    | "cut after" // it is done, and the answer never arrives
    | "late" // it is done only after half a second, and the answer never arrives
    | "slow" // it is done, and answered after half a second
    | "401"
    | "404"
    | "System error" // nothing is done
    | "502"; // a proxy's page
  /** How often it happens. @default once */
  times?: number;
}

/** Who a token is. */
export interface StandInUser {
  readonly name: string;
  readonly roles: readonly string[];
}

/** The server, on loopback. */
export class VisaStandIn extends StandInTables {
  readonly users = new Map<string, StandInUser>([
    ["admin", { name: "Ada Admin", roles: ["ADMIN", "STAFF"] }],
    ["staff", { name: "Stan Staff", roles: ["STAFF"] }],
  ]);
  version = "3.8.2";
  accountService = true;
  readonly faults: Fault[] = [];
  /** All operations that were asked for, in order. */
  readonly operations: string[] = [];
  private readonly server: Server;

  constructor() {
    super();
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error) => response.writeHead(500).end(String(error)));
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What leads the library here. */
  get environment(): Record<string, string> {
    return { VISA_API_URL: this.url, VISA_API_TOKEN: "admin" };
  }

  private takeFault(at: string): Fault["how"] | undefined {
    const index = this.faults.findIndex((fault) => fault.at === at);
    const fault = this.faults[index];
    if (!fault) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) this.faults.splice(index, 1);
    return fault.how;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "", this.url).pathname;
    const authorization = request.headers.authorization;
    const token = authorization?.replace(/^Bearer\s*/, "");
    if (path === "/api/configuration" || path === "/api/account") {
      const name = path.slice(5);
      this.operations.push(name);
      const fault = this.takeFault(name);
      if (fault === "cut before") return void request.socket.destroy();
      if (fault === "502") return html(response);
      if (fault === "404") return void response.writeHead(404).end();
      if (name === "configuration") return json(response, { data: { version: this.version } });
      const user = this.user(token);
      if (!user || fault === "401") return void response.writeHead(401).end();
      const activeUserRoles = user.roles.map((role) => ({ name: role, expiresAt: null }));
      return json(response, { data: { id: "1", fullName: user.name, activeUserRoles, groups: [] } });
    }
    if (path !== "/api/graphql") return void response.writeHead(404).end();
    if (request.method !== "POST") return void response.writeHead(405).end();
    // A token that is there must be known; none at all, or an empty one, is somebody without a role.
    if (token && !this.user(token)) return void response.writeHead(401).end();
    await this.graphql(token ? this.user(token) : undefined, request, response);
  }

  private user(token: string | undefined): StandInUser | undefined {
    return this.accountService && token ? this.users.get(token) : undefined;
  }

  private async graphql(user: StandInUser | undefined, request: IncomingMessage, response: ServerResponse) {
    const text = await read(request);
    const accept = request.headers.accept ?? "";
    const type =
      accept.includes("application/json") && !accept.includes("graphql-response")
        ? "application/json"
        : "application/graphql-response+json";
    const answer = (body: unknown) => json(response, body, type);
    if (text === "") return void response.writeHead(400, { "content-type": "text/plain" }).end("Bad Request");
    const body = JSON.parse(text);
    if (Array.isArray(body)) return void response.writeHead(400, { "content-type": "text/plain" }).end("Bad Request");
    const { query, variables, operationName } = body;
    let document: DocumentNode;
    try {
      document = parse(query);
    } catch (error) {
      return answer({ errors: [validationError(`Invalid syntax: ${(error as Error).message}`)] });
    }
    const operations = document.definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION);
    if (operations.length > 1 && !operationName) {
      return void response.writeHead(500, { "content-type": "text/plain" }).end("Must provide operation name");
    }
    if (fieldsAskedTwice(document)) {
      const message =
        "This request is not asking for introspection in good faith - __Type.fields is present too often!";
      return answer({ errors: [{ message, extensions: { classification: "BadFaithIntrospection" } }] });
    }
    const problems = validate(SCHEMA, document);
    if (problems.length > 0) return answer({ errors: problems.map(({ message }) => validationError(message)) });

    const names = rootFields(document);
    this.operations.push(...names);
    const fault = names.map((name) => this.takeFault(name)).find((how) => how !== undefined);
    if (fault === "cut before") return void request.socket.destroy();
    if (fault === "401") return void response.writeHead(401).end();
    if (fault === "404") return void response.writeHead(404).end();
    if (fault === "502") return html(response);
    if (fault === "System error") return answer({ errors: [dataError(SYSTEM_ERROR)], data: null });
    if (fault === "late") {
      setTimeout(() => void this.run(document, user, variables, operationName), 500);
      return void request.socket.destroy();
    }
    const result = await this.run(document, user, variables, operationName);
    if (fault === "cut after") return void request.socket.destroy();
    if (fault === "slow") await new Promise((resolve) => setTimeout(resolve, 500));
    if (!result.errors) return answer({ data: result.data });
    const errors = result.errors.map(({ message, path, extensions }) =>
      path ? { ...dataError(message, extensions), path } : validationError(message),
    );
    // Errors in the variables are errors of the schema: nothing was run.
    if (result.data === undefined) return answer({ errors });
    answer({ errors, data: null });
  }

  private async run(document: DocumentNode, user: StandInUser | undefined, variableValues: object, name?: string) {
    const rootValue = user?.roles.includes("ADMIN") ? this.resolvers() : NOBODY;
    const contextValue = user;
    return execute({
      schema: SCHEMA,
      document,
      rootValue,
      contextValue,
      variableValues: variableValues as Record<string, unknown>,
      operationName: name,
    });
  }
}

function rootFields(document: DocumentNode): string[] {
  return document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? definition.selectionSet.selections.flatMap((each) => (each.kind === Kind.FIELD ? [each.name.value] : []))
      : [],
  );
}

function fieldsAskedTwice(document: DocumentNode): boolean {
  let types = 0;
  visit(document, {
    Field(node) {
      const asks = node.selectionSet?.selections.some(
        (each) => each.kind === Kind.FIELD && each.name.value === "fields",
      );
      if (node.name.value === "__type" && asks) types += 1;
    },
  });
  return types > 1;
}

function validationError(message: string) {
  return { message, extensions: { classification: "ValidationError" } };
}

function dataError(message: string, extensions: object = {}) {
  return { message, extensions: { ...extensions, classification: "DataFetchingException" } };
}

function json(response: ServerResponse, body: unknown, type = "application/json"): void {
  response.writeHead(200, { "content-type": type }).end(JSON.stringify(body));
}

function html(response: ServerResponse): void {
  response.writeHead(502, { "content-type": "text/html" }).end("<html><body>Bad Gateway</body></html>");
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
