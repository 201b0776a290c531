// Names that are put together of two parts again and again. There are as many as the house has parts, and they are kept.

/** `make`, asked once for each pair. */
export function remembered(make: (a: string, b: string) => string): (a: string, b: string) => string {
  const byFirst = new Map<string, Map<string, string>>();
  return (a, b) => {
    let bySecond = byFirst.get(a);
    if (!bySecond) {
      bySecond = new Map();
      byFirst.set(a, bySecond);
    }
    let name = bySecond.get(b);
    if (name === undefined) {
      name = make(a, b);
      bySecond.set(b, name);
    }
    return name;
  };
}
