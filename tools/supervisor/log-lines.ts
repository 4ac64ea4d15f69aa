import pc from 'picocolors';

const colours: Record<string, (text: string) => string> = {
  collector: pc.green,
  projector: pc.blue,
  worker: pc.magenta,
  api: pc.cyan,
};
const levels: Record<string, (text: string) => string> = { warn: pc.yellow, error: pc.red, fatal: pc.red };

/** For a terminal: time, app, message, then the fields. A line that is no JSON stays as it is. */
export function readableLine(name: string, line: string): string {
  const label = (colours[name.replace(/-\d+$/, '')] ?? pc.white)(name.padEnd(11));
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return `${label} ${line}`;
  }
  const { time, level, msg, service: _service, ...fields } = entry;
  const at = typeof time === 'string' ? pc.dim(time.slice(11, 19)) : '';
  const text = (levels[String(level)] ?? ((plain: string) => plain))(String(msg ?? ''));
  const rest = Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ');
  return `${label} ${at} ${text} ${pc.dim(rest)}`.trimEnd();
}
