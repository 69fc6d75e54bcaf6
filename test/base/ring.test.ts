import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ring } from '../../src/base/ring.ts';

test('is a queue, however it grows and wraps', () => {
  const steps = fc.array(fc.oneof(fc.constant('shift'), fc.constant('take all'), fc.nat(150)), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (script) => {
      const ring = new Ring<number>();
      let model: number[] = [];
      let next = 0;
      for (const step of script) {
        if (step === 'take all') {
          expect(ring.takeAll()).toEqual(model);
          model = [];
        } else if (typeof step === 'number') {
          for (let i = 0; i < step; i++, next++) {
            ring.push(next);
            model.push(next);
          }
        } else {
          const goes = Math.ceil(model.length / 2) + 1;
          for (let i = 0; i < goes; i++) {
            ring.shift();
            model.shift();
            expect(ring.oldest).toBe(model[0]);
          }
        }
        expect([ring.size, ring.oldest]).toEqual([model.length, model[0]]);
      }
      expect(ring.takeAll()).toEqual(model);
    }),
  );
});
