const FIRST_ROOM = 64;

/**
 * What waits for its turn, oldest first, in a ring that grows and is then used again: nothing is allocated for one more, and none is moved when another goes.
 *
 *   [ … | head: oldest … newest | … ]      indexes go up for ever; the slot is the index modulo the room, a power of two
 */
export class Ring<T> {
  #slots = new Array<T | undefined>(FIRST_ROOM).fill(undefined);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): T | undefined {
    return this.#slots[this.#head];
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size++) & (this.#slots.length - 1)] = item;
  }

  /** Forgets the oldest. */
  shift(): void {
    if (this.#size === 0) return;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
  }

  /** All of it, oldest first, and a clean start. */
  takeAll(): T[] {
    const all = this.#inOrder();
    this.#slots = new Array<T | undefined>(FIRST_ROOM).fill(undefined);
    this.#head = 0;
    this.#size = 0;
    return all;
  }

  #inOrder(): T[] {
    const end = this.#head + this.#size;
    const wrapped = Math.max(0, end - this.#slots.length);
    return [...this.#slots.slice(this.#head, end), ...this.#slots.slice(0, wrapped)] as T[];
  }

  #grow(): void {
    const all: (T | undefined)[] = this.#inOrder();
    const room = 2 * all.length;
    while (all.length < room) all.push(undefined);
    this.#slots = all;
    this.#head = 0;
  }
}
