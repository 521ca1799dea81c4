import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fetchesListsFirst } from "../../lib/packer/apt-lists";

const first = (...texts: string[]) => fetchesListsFirst(texts);

test.each([
  ["apt-get update"],
  ["#!/bin/bash\nset -eux\n# apt-get install x\napt-get -qq update\napt-get install x"],
  [
    "export DEBIAN_FRONTEND=noninteractive\nDEBIAN_FRONTEND=noninteractive apt-get -y -o Acquire::Retries=3 update && apt install x",
  ],
  ["sudo -E apt update; apt-get -y install x"],
  ["cat >/etc/apt/sources.list <<END\ndeb x bookworm main\nEND\napt-get update"],
])("fetched first: %j", (text) => {
  expect(first(text)).toBe(true);
  expect(first("echo hello", text)).toBe(true);
});

test.each([
  ["", "nothing is run"],
  ["echo apt-get update", "it is only told"],
  ["apt-get install -y x\napt-get update", "after the first use"],
  ["  apt-get update\napt-get install x", "in a function or under a condition"],
  ["if true; then apt-get update; fi", "under a condition"],
  ["bash install.sh\napt-get update", "after something that is not read"],
  ["./install.sh\napt-get update", "after something that is not read"],
  [". ./common.sh\napt-get update", "after something that is not read"],
  ["/usr/bin/apt-get install x\napt-get update", "after a use by its path"],
  ["apt-get update-something", "another command"],
  ["apt-get upgrade", "another command"],
  ["dpkg -i /tmp/x.deb\napt-get update", "after the first use"],
])("not fetched first: %j (%s)", (text) => {
  expect(first(text)).toBe(false);
  expect(first(text, "apt-get install x")).toBe(false);
});

test("the layers of the bench fetch them, as the original's do", () => {
  for (const script of [
    "system-base/scripts/system.sh",
    "visa-base/scripts/packages.sh",
    "visa-apps/scripts/application.sh",
  ]) {
    expect(first(readFileSync(join(__dirname, "../../bench/tree/templates", script), "utf8"))).toBe(true);
  }
});
