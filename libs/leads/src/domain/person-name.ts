export interface NameParts {
  familyName?: string;
  givenName?: string;
}

const japanese = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

export const isJapanese = (text: string): boolean => japanese.test(text);

/** 様, さん and 殿 belong to the one who writes a letter, not to the name. */
export const withoutHonorific = (name: string): string => name.replace(/\s*(様|さん|殿)$/u, '').trim();

/** Splits only at a space: 「山田 太郎」 family first, "Taro Yamada" given first. An unbroken Japanese name is a family name. */
export function splitName(fullName: string): NameParts {
  const words = withoutHonorific(fullName)
    .split(/[\s\u3000]+/u)
    .filter((word) => word !== '');
  if (words.length === 0) return {};
  if (isJapanese(fullName)) {
    const [familyName, ...given] = words;
    return { familyName: familyName!, ...(given.length > 0 ? { givenName: given.join(' ') } : {}) };
  }
  if (words.length === 1) return { givenName: words[0]! };
  return { givenName: words.slice(0, -1).join(' '), familyName: words.at(-1)! };
}

/** Family first for Japanese names, given first for others; undefined without either. */
export function displayNameOf({ familyName, givenName }: NameParts): string | undefined {
  if (familyName === undefined || givenName === undefined) return familyName ?? givenName;
  return isJapanese(familyName + givenName) ? `${familyName} ${givenName}` : `${givenName} ${familyName}`;
}
