/** A value in QEMU's options, where a comma is written twice. */
export function qemuValue(value: string): string {
  return value.replaceAll(",", ",,");
}
