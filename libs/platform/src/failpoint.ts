/**
 * Named places where a fault run kills the process: `FAILPOINT=worker.after_handoff` kills at the first hit,
 * `FAILPOINT=worker.after_handoff:20` at the twentieth. Without the variable a failpoint is one comparison.
 */
const [armed, at] = (process.env['FAILPOINT'] ?? '').split(':');
let hits = 0;

export function fp(name: string): void {
  if (name !== armed) return;
  hits += 1;
  if (hits >= Number(at ?? 1)) process.kill(process.pid, 'SIGKILL');
}
