import { Cloud } from "../../lib/cloud/cloud";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { BuildCloud } from "../runner/cloud/build-cloud";

let cloud: BuildCloud;
beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
});
afterEach(() => cloud.stop());

/**
 * @fault builder: the token expires while a layer is built
 * @then this package and Packer sign in anew; one that was given as a token (`OS_TOKEN`) ends the build, which says so before it begins
 */
test("a token that has expired is replaced once, and the question asked again", async () => {
  const connected = await cloud.connect();
  cloud.validToken = 2;
  expect(await connected.nova.flavors()).toMatchObject([{ id: "f-10", diskGb: 10 }]);
  expect(cloud.signIns).toBe(2);
});

test("fails where the new one is refused too", async () => {
  const connected = await cloud.connect();
  cloud.validToken = 9;
  await expect(connected.nova.flavors()).rejects.toThrow(
    /cannot list the flavours: Nova answered 401.*\n {2}fix: sign in anew/,
  );
  expect(cloud.signIns).toBe(2);
});

test("fails with a token that nothing can renew", async () => {
  const { OS_AUTH_URL } = cloud.environment;
  const environment = { OS_AUTH_URL, OS_TOKEN: "1", OS_ALLOW_REAUTH: "false" };
  const connected = await Cloud.connect(credentialsFrom(environment));
  cloud.validToken = 2;
  await expect(connected.nova.flavors()).rejects.toThrow(/Nova answered 401/);
});
