import { settlePaths } from "../lib/project-folder";

function settled(environment: Record<string, string>): NodeJS.ProcessEnv {
  const own = { ...environment };
  settlePaths(own);
  return own;
}

test("relative paths count from the folder of cdktf.json, where Terraform says which that is", () => {
  expect(
    settled({
      VISA_PROJECT_FOLDER: "/project",
      VISA_API_KEY_FILE: "secrets/key",
      VISA_ROOT_PASSWORD_FILE: "/run/secrets/root",
      VISA_BUILD_CA: "certs/ca.pem",
      VISA_IMAGE_CACHE: "cache",
      VISA_ROOT_PASSWORD: "a/b",
      OS_CACERT: "ca.pem",
    }),
  ).toEqual({
    VISA_API_KEY_FILE: "/project/secrets/key",
    VISA_ROOT_PASSWORD_FILE: "/run/secrets/root",
    VISA_BUILD_CA: "/project/certs/ca.pem",
    VISA_IMAGE_CACHE: "/project/cache",
    VISA_ROOT_PASSWORD: "a/b",
    OS_CACERT: "ca.pem",
  });
});

test("a word in the place of a path stays, and so does everything by hand", () => {
  expect(settled({ VISA_PROJECT_FOLDER: "/project", VISA_BUILD_CA: "host" })).toEqual({ VISA_BUILD_CA: "host" });
  expect(settled({ VISA_IMAGE_CACHE: "cache", HOME: "/root" })).toEqual({ VISA_IMAGE_CACHE: "cache", HOME: "/root" });
});

test.each(["", "home"])("a home that is none (%j) is not taken", (HOME) => {
  expect(settled({ HOME })).toEqual({});
});
