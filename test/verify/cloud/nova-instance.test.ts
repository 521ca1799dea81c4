import type { NetworkInterfaceInfo } from "node:os";
import { isNear } from "../../../lib/verify/cloud/nova-instance";

const network = (cidr: string, internal = false) => ({ cidr, internal }) as NetworkInterfaceInfo;

test("a machine in the instance's network needs no floating address", () => {
  const interfaces = {
    lo: [network("127.0.0.1/8", true)],
    eth0: [network("203.0.113.9/24"), network("2001:db8::9/64")],
  };
  expect(isNear("203.0.113.77", interfaces)).toBe(true);
  expect(isNear("2001:db8::77", interfaces)).toBe(true);
  expect(isNear("10.42.0.7", interfaces)).toBe(false);
  expect(isNear("127.0.0.5", interfaces)).toBe(false);
});
