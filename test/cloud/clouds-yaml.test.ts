import { join } from "node:path";
import { readCloud } from "../../lib/cloud/clouds-yaml";
import { type Files, temporaryCatalog } from "../fixtures/temporary-catalog";

const read = (files: Files, region?: string) => readCloud("ours", {}, temporaryCatalog(files), region);
const clouds = (entry: string) => ({ "clouds.yaml": `clouds:\n  ours:\n${entry.replace(/^/gm, "    ")}\n` });

test("an entry is read with every value as the text that is written", () => {
  expect(
    read(clouds("auth: {username: jane, password: 0042, project_id: 1e3, token: ''}\nregion_name: North\nverify: no")),
  ).toEqual({
    auth: { username: "jane", password: "0042", project_id: "1e3" },
    region: "North",
    verify: false,
  });
});

test("anchors and merge keys are followed", () => {
  const text =
    "x-all: &all {auth_url: http://a/v3, username: joe}\nclouds: {ours: {auth: {<<: *all, username: jane}}}\n";
  expect(read({ "clouds.yml": text }).auth).toEqual({ auth_url: "http://a/v3", username: "jane" });
});

test("the entry goes before its profile, secrets before the entry, and a region's values before all", () => {
  const files = {
    ...clouds(
      "profile: site\nauth: {username: jane, password: ''}\nregions:\n  - South\n  - {name: North, values: {auth: {project_name: north}, cacert: n.pem}}",
    ),
    "clouds-public.yaml":
      "public-clouds: {site: {auth: {auth_url: http://site/v3, username: other}, cacert: site.pem}}\n",
    "secure.yaml": "clouds: {ours: {auth: {password: s3cret}}}\n",
  };
  const auth = { auth_url: "http://site/v3", username: "jane", password: "s3cret" };
  expect(read(files)).toMatchObject({ auth, cacert: "site.pem" });
  expect(read(files, "South")).toMatchObject({ auth, cacert: "site.pem" });
  expect(read(files, "North")).toMatchObject({ auth: { ...auth, project_name: "north" }, cacert: "n.pem" });
});

test("the file that OS_CLIENT_CONFIG_FILE names goes before others, and one that is not there is passed over", () => {
  const folder = temporaryCatalog({
    ...clouds("auth: {username: here}"),
    "own.yaml": "clouds: {ours: {auth: {username: own}}}\n",
  });
  const user = (file: string) => readCloud("ours", { OS_CLIENT_CONFIG_FILE: join(folder, file) }, folder).auth.username;
  expect(user("own.yaml")).toBe("own");
  expect(user("none.yaml")).toBe("here");
});

test.each<[string, Files, RegExp]>([
  [
    "an entry that is not there",
    { "clouds.yaml": "clouds: {other: {}}\n" },
    /"ours" \(OS_CLOUD\) is not to be found in ".*clouds\.yaml"\n {2}fix/,
  ],
  ["a profile that is not there", clouds("profile: site"), /the profile "site" of the cloud "ours" is not to be found/],
  ["a word that is no truth", clouds("verify: maybe"), /clouds\.yaml: "verify: maybe" is neither true nor false/],
  ["a file that is no YAML", { "clouds.yaml": "clouds: {\n" }, /clouds\.yaml: cannot read the clouds: .*\n {2}fix/],
])("fails for %s", (_, files, message) => {
  expect(() => read(files)).toThrow(message);
});
