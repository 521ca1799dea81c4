import { reviewOf } from "./support";

const CURRENT = "openstack_images_image_v2.visa-apps_5c329d84cf97";
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
type Json = any;
const changeOf = (json: Json, address: string) =>
  json.resource_changes.find((each: Json) => each.address === address).change;

test("a new release: what is uploaded, hidden and forgotten", () => {
  expect(reviewOf("release").images).toEqual([
    {
      ...{ image: "desktops/visa-apps", name: "VISA desktop", kind: "new" },
      ...{ release: "6ff1232e560f", releaseBefore: "5c329d84cf97", layers: ["visa-apps"] },
      upload: { format: "raw", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/), bytesBefore: 2577940480 },
      ...{ shown: [], hidden: ["5c329d84cf97"], forgotten: ["0123456789ab"], imported: [] },
      ...{ protected: ["6ff1232e560f"], unprotected: [], changed: [] },
    },
  ]);
});

test("a release of the past: nothing is built, nothing uploaded", () => {
  const [image] = reviewOf("rollback").images;
  expect(image).toMatchObject({ kind: "back", release: "0123456789ab", releaseBefore: "5c329d84cf97", layers: [] });
  expect(image).toMatchObject({ shown: ["0123456789ab"], hidden: ["5c329d84cf97"], forgotten: [] });
  expect(image).not.toHaveProperty("upload");
});

test("one that Terraform had forgotten is taken over by its id", () => {
  const { images } = reviewOf("rollback", [], (json) => {
    changeOf(json, "openstack_images_image_v2.visa-apps_0123456789ab").importing = { id: "an-id" };
  });
  expect(images[0]?.imported).toEqual(["0123456789ab"]);
});

test("another name changes the image that is there", () => {
  expect(reviewOf("renamed").images).toMatchObject([
    { kind: "same", changed: [{ name: "name", before: "VISA desktop", after: "VISA desktop 2" }] },
  ]);
});

test("protection that is taken away is to be judged", () => {
  const { images, verdict, losses } = reviewOf("unprotected");
  expect(images).toMatchObject([{ unprotected: ["0123456789ab", "5c329d84cf97"], protected: [] }]);
  expect({ verdict, losses }).toEqual({ verdict: "judge", losses: [] });
});

test("an image that somebody deleted in Glance is uploaded again", () => {
  const { images } = reviewOf("nothing", [], (json) => {
    const whole = json.resource_changes.find(({ address }: Json) => address === CURRENT);
    json.resource_drift = [{ ...whole, change: { ...whole.change, actions: ["delete"], after: null } }];
    Object.assign(whole.change, { actions: ["create"], before: null });
  });
  expect(images).toMatchObject([{ kind: "again", gone: true, release: "5c329d84cf97", layers: [] }]);
});

test("after a deploy that failed, which took the note of what is in use with it", () => {
  const withoutNote = (json: Json) => {
    const change = changeOf(json, "terraform_data.visa-apps_in_use");
    Object.assign(change, { actions: ["create"], before: null });
  };
  expect(reviewOf("release", [], withoutNote).images).toMatchObject([{ kind: "new", releaseBefore: "5c329d84cf97" }]);
  const { images } = reviewOf("nothing", [], (json) => {
    withoutNote(json);
    const whole = json.resource_changes.find(({ address }: Json) => address === CURRENT);
    json.resource_drift = [{ ...whole, change: { ...whole.change, actions: ["delete"], after: null } }];
    Object.assign(whole.change, { actions: ["create"], before: null });
  });
  expect(images).toMatchObject([{ kind: "again", gone: true }]);
});

test("the gate alone runs again where only what it looks at changed", () => {
  const { images } = reviewOf("nothing", [], (json) => {
    const change = changeOf(json, "terraform_data.visa-apps_verified");
    change.actions = ["delete", "create"];
    change.after = structuredClone(change.after);
    change.after.triggers_replace.verifier = "999";
  });
  expect(images).toMatchObject([{ kind: "same", verifiedAgain: [{ name: "verifier", after: "999" }] }]);
});

test("an image of such a name that nobody registered is somebody else's", () => {
  const { images, losses } = reviewOf("nothing", [], (json) => {
    const name = "other_0123456789ab";
    const change = { actions: ["delete"], before: { name: "By hand", id: "x" }, after: null };
    const type = "openstack_images_image_v2";
    json.resource_changes.push({ address: `${type}.${name}`, type, name, mode: "managed", change });
  });
  expect(images).toEqual([]);
  expect(losses).toMatchObject([{ what: "image", name: "By hand", consequence: "it is deleted in Glance" }]);
});
