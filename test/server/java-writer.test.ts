import { expect, test } from 'vitest';
import { JavaWriter } from '../../src/server/java-writer.ts';

const written = (value: string | null): string => {
  const writer = new JavaWriter();
  writer.string(value);
  return writer.take().toString('hex');
};

test('characters beyond the BMP take six bytes, as from Java', () => {
  expect(written('é€😀:x')).toBe('0000000d' + 'c3a9' + 'e282ac' + 'eda0bdedb880' + '3a78');
});

test('all others are as usual', () => {
  expect([written('é:x'), written(''), written(null)]).toEqual(['00000004c3a93a78', '00000000', 'ffffffff']);
});
