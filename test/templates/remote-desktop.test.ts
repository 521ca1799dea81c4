/** What remote-desktop.sh writes, without a guest. */
import { mkdirSync, writeFileSync } from "node:fs";
import { Sandbox } from "./support/sandbox";

let sandbox: Sandbox;

beforeEach(() => {
  sandbox = new Sandbox("visa-base");
});

afterEach(() => sandbox.remove());

// As xrdp has it from 0.9.15 on, before that, and after a facility changed it.
test.each(["#SyslogLevel=INFO", "SyslogLevel=DEBUG"])(
  "VISA's look at 3389 each minute is no error in the journal: %s",
  (line) => {
    const own = ["LogFile=xrdp.log", "LogLevel=INFO", "EnableSyslog=true", line];
    mkdirSync(sandbox.path("/etc/xrdp"), { recursive: true });
    const globals = ["[Globals]", "certificate=", "key_file="];
    writeFileSync(sandbox.path("/etc/xrdp/xrdp.ini"), [...globals, "[Logging]", ...own, "[Channels]", ""].join("\n"));
    writeFileSync(sandbox.path("/etc/xrdp/sesman.ini"), `AllowRootLogin=true\n[Logging]\n${line}\n`);
    writeFileSync(sandbox.path("/var/tmp/visa-build/login/install.sh"), "");
    expect(sandbox.script("visa-base/scripts/remote-desktop.sh")).toEqual({ status: 0, text: "" });
    const said = [...own.slice(0, -1), "SyslogLevel=CORE"].join("\n");
    expect(sandbox.read("/etc/xrdp/xrdp.ini")).toContain(`[Logging]\n${said}\n[Channels]`);
    // Who logs in, and who does not, stays in the journal.
    expect(sandbox.read("/etc/xrdp/sesman.ini")).toBe(`AllowRootLogin=false\n[Logging]\n${line}\n`);
  },
);
