import { foldText } from './text.js';

/** From least to most power to decide. */
export const positions = ['staff', 'leader', 'manager', 'director', 'executive'] as const;
export type Position = (typeof positions)[number];

/** The first line that finds itself in the title decides, so exceptions stand before what they except. */
const titles: [Position, RegExp][] = [
  [
    'staff',
    /assistant to|(executive|personal|administrative) assistant|秘書|account executive|sales executive|インターン|\bintern\b/,
  ],
  ['director', /executive director|本部長|事業部長|統括部長|ゼネラルマネージャ|general manager|支社長|副本部長/],
  ['leader', /課長(代理|補佐)|係長|assistant manager|アシスタントマネージャ/],
  ['manager', /部長(代理|補佐)|副部長|社長室|役員室/],
  [
    'executive',
    /代表|取締役|社長|会長|理事長|執行役|役員|経営者|経営層|オーナー|頭取|\bc[a-z]{1,2}o\b|chief [a-z ]{1,40}officer|\b(co-?)?founder\b|\bowner\b|\bpresident\b(?<!vice president)|executive|board member|managing director|\bchair/,
  ],
  ['director', /部長|局長|director|head of|\bhead\b|\b[es]?vp\b|vice president|ディレクター|ヘッド/],
  [
    'manager',
    /次長|課長|室長|支店長|店長|所長|工場長|センター長|グループ長|マネージャ|マネジャ|manager|\bmgr\b|管理職/,
  ],
  ['leader', /主任|主査|リーダ|チーフ|班長|職長|team lead|\blead\b|leader|supervisor|chief/],
  [
    'staff',
    /一般|社員|担当|スタッフ|メンバ|staff|member|associate|specialist|engineer|assistant|アシスタント|employee|analyst|coordinator/,
  ],
];

/** What a job title says about power to decide; undefined where it says nothing. */
export function positionOf(title: string): Position | undefined {
  const folded = foldText(title.slice(0, 200));
  const exact = positions.find((position) => position === folded.trim());
  return exact ?? titles.find(([, pattern]) => pattern.test(folded))?.[0];
}
