import { Belongings } from "../../../lib/verify/cloud/belongings";

const there = new Set<string>();
beforeEach(() => there.clear());

const thing = (name: string, make = async () => void there.add(name)) => ({
  make: async () => {
    await make();
    return name;
  },
  remove: async (made: string) => void there.delete(made),
  find: async () => [...there].filter((each) => each === name),
  byHand: (made: string) => `delete ${made}`,
});

test("the last is removed first, once, whoever asks", async () => {
  const belongings = new Belongings();
  const removed: string[] = [];
  for (const name of ["group", "server"]) {
    await belongings.make({ ...thing(name), remove: async (made) => void removed.push(made) });
  }
  expect(await Promise.all([belongings.remove(), belongings.remove()])).toEqual([[], []]);
  expect(removed).toEqual(["server", "group"]);
});

test("what is on its way is waited for, and nothing more is made", async () => {
  const belongings = new Belongings();
  let arrive = () => {};
  const arrived = new Promise<void>((done) => {
    arrive = done;
  });
  const making = belongings.make(
    thing("server", async () => {
      await arrived;
      there.add("server");
    }),
  );
  const removal = belongings.remove();
  await expect(belongings.make(thing("late"))).rejects.toThrow("nothing more is made");
  arrive();
  await making;
  expect(await removal).toEqual([]);
  expect(there.size).toBe(0);
});

test("what was made although the answer was an error is found, and removed", async () => {
  const belongings = new Belongings();
  const made = belongings.make(
    thing("server", async () => {
      there.add("server");
      throw new Error("cut off");
    }),
  );
  await expect(made).rejects.toThrow("cut off");
  expect(await belongings.remove()).toEqual([]);
  expect(there.size).toBe(0);
});

test("fails, and goes on with the others, where one cannot be removed", async () => {
  const belongings = new Belongings();
  await belongings.make(thing("group"));
  const remove = async () => {
    throw new Error("not allowed\nmore");
  };
  await belongings.make({ ...thing("server"), remove });
  expect(await belongings.remove()).toEqual(["delete server (not allowed)"]);
  expect([...there]).toEqual(["server"]);
});
