const FIRST_ROOM = 64;

/**
 * A FIFO queue in a ring buffer that grows and is then reused: adding allocates nothing, and removing moves nothing.
 *
 *   [ … | head: oldest … newest | … ]      the slot is the index modulo the capacity, a power of two
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

  /** Removes the oldest. */
  shift(): void {
    if (this.#size === 0) return;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
  }

  /** Returns everything, oldest first, and empties the ring. */
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
