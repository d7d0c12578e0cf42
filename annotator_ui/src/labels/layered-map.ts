/** A large map with a few entries changed: the next one costs what changed, not what is there. */

/** So many changed entries are kept apart before a map is made anew. */
const MOST = 2048;
/** A smaller map is copied. */
export const LARGE = 4096;

export class LayeredMap<V> implements ReadonlyMap<string, V> {
  readonly size: number;

  /** `over`: what differs from `base`; null is absent. */
  private constructor(
    private readonly base: ReadonlyMap<string, V>,
    private readonly over: ReadonlyMap<string, V | null>,
  ) {
    let size = base.size;
    for (const [key, value] of over) size += (value === null ? 0 : 1) - (base.has(key) ? 1 : 0);
    this.size = size;
  }

  /** `map` with entries put in place, null taking one away. `map` itself stays as it is. */
  static with<V>(map: ReadonlyMap<string, V>, entries: Iterable<readonly [string, V | null]>): ReadonlyMap<string, V> {
    const layered = map instanceof LayeredMap ? (map as LayeredMap<V>) : null;
    const base = layered?.base ?? map;
    const over = new Map(layered?.over);
    for (const [key, value] of entries) {
      // Back to what it was: nothing is to be kept of it.
      if ((base.get(key) ?? null) === value) over.delete(key);
      else over.set(key, value);
    }
    const next = new LayeredMap(base, over);
    return over.size > MOST ? new Map(next) : next;
  }

  /** Keys whose entries differ, if the two were made from the same map; null where that cannot be told without looking at all. */
  static changed<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>): string[] | null {
    const layers = (map: ReadonlyMap<string, V>): { base: ReadonlyMap<string, V>; over: ReadonlyMap<string, V | null> } =>
      map instanceof LayeredMap ? { base: map.base as ReadonlyMap<string, V>, over: map.over as ReadonlyMap<string, V | null> } : { base: map, over: new Map() };
    const [a, b] = [layers(before), layers(after)];
    if (a.base !== b.base) return null;
    return [...new Set([...a.over.keys(), ...b.over.keys()])].filter((key) => before.get(key) !== after.get(key));
  }

  get(key: string): V | undefined {
    const value = this.over.get(key);
    if (value !== undefined) return value === null ? undefined : value;
    return this.base.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, V]> {
    for (const entry of this.base) if (!this.over.has(entry[0])) yield entry;
    for (const [key, value] of this.over) if (value !== null) yield [key, value];
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(each: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this);
  }
}
