import { appendFileSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * A file to which everybody who enters or leaves a critical section appends a line, in whatever process: the order of its lines is the
 * order of events.
 */
export class CriticalSection {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** For one test. */
  static async open(): Promise<CriticalSection> {
    const folder = await mkdtemp(join(tmpdir(), 'kazoo-section-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    return new CriticalSection(join(folder, 'record'));
  }

  /** Enters, stays for so many milliseconds, leaves. */
  async visit(who: string, stay = 0): Promise<void> {
    this.write('enter', who);
    await new Promise((resolve) => (stay === 0 ? setImmediate(resolve) : setTimeout(resolve, stay)));
    this.write('leave', who);
  }

  /** Whoever was in there and has been killed is in there no more. */
  write(what: 'enter' | 'leave' | 'killed', who: string): void {
    appendFileSync(this.path, `${what} ${who}\n`);
  }

  /** The lines so far, as `[what, who]`. */
  lines(): [what: string, who: string][] {
    try {
      const text = readFileSync(this.path, 'utf8');
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split(' ') as [string, string]);
    } catch {
      return [];
    }
  }

  /** Who is in there now. */
  inside(): string[] {
    return [...occupants(this.lines()).inside];
  }

  /** How it was used; `most` is how many were in there at a time. `mayMeet` says who may be in there together; default: nobody. */
  report(mayMeet: (one: string, other: string) => boolean = () => false): { visits: number; most: number; met: string[] } {
    return occupants(this.lines(), mayMeet);
  }
}

interface Occupants {
  readonly visits: number;
  readonly most: number;
  readonly met: string[];
  readonly inside: Set<string>;
}

function occupants(lines: readonly [string, string][], mayMeet: (one: string, other: string) => boolean = () => true): Occupants {
  const inside = new Set<string>();
  const met: string[] = [];
  let visits = 0;
  let most = 0;
  for (const [what, who] of lines) {
    if (what !== 'enter') {
      inside.delete(who);
      continue;
    }
    for (const other of inside) if (!mayMeet(who, other)) met.push(`${who} met ${other}`);
    inside.add(who);
    visits += 1;
    most = Math.max(most, inside.size);
  }
  return { visits, most, met, inside };
}
