/** Whether where something comes from is a URL, and not a path. */
export function isUrl(source: string): boolean {
  return /^https?:/i.test(source);
}
