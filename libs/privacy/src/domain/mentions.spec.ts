import { expect, test } from '@jest/globals';
import { bytesMention, mentions } from './mentions.js';

test.each([
  ['merged e:taro@example.com with u:main:4', ['main:4'], true],
  ['merged with u:main:42', ['main:4'], false],
  ['{"keys":["e:TARO@example.com"]}', ['taro@example.com'], true],
  ['about xtaro@example.com', ['taro@example.com'], false],
  ['it was taro@example.com.', ['taro@example.com'], true],
  ['田中太郎さんの依頼', ['田中太郎'], true],
  ['Taro Tanaka asked', ['Taro Tanaka'], true],
  ['Taro Tanakawa asked', ['Taro Tanaka'], false],
  ['main:42, then main:4', ['main:4'], true],
  ['anything', [''], false],
  ['{"email":"first.last@example.com"}', ['last@example.com'], false],
  ['{"email":"last@example.com.au"}', ['last@example.com'], false],
  ['"last@example.com", "x"', ['last@example.com'], true],
])('%s names %j: %s', (text, names, expected) => {
  expect(mentions(text, names)).toBe(expected);
});

test('bytes that are no text are searched as well', () => {
  expect(bytesMention(Buffer.concat([Buffer.from([0xff, 0]), Buffer.from('{"名":"田中')]), ['田中'])).toBe(true);
  expect(bytesMention(Buffer.from([0xff, 0xfe]), ['田中'])).toBe(false);
  expect(bytesMention(null, ['田中'])).toBe(false);
});
