/**
 * A size as people and Packer write it, in MiB: "4096", "4096M", "4G", "4GiB". A number without a unit is MiB.
 *
 * @returns nothing for what is no size
 */
export function mebibytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  if (!match) return undefined;
  return (
    Number(match[1]) *
    { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 }[(match[2] || "M").toUpperCase() as "K" | "M" | "G" | "T"]
  );
}

/** The same where it has to be whole MiB, and more than none, as the memory of a machine. */
export function wholeMebibytes(text: string): number | undefined {
  const size = mebibytes(text);
  return size !== undefined && Number.isInteger(size) && size > 0 ? size : undefined;
}
