/** Resolves once `condition` holds: it is looked at every few milliseconds, for at most 20 s. */
export async function eventually(condition: () => boolean | Promise<boolean>, every = 10): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`this did not come about within 20 s: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
