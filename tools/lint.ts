import { gates, runGate } from './checks/gates.js';

for (const gate of gates) {
  const { passed, output, seconds } = await runGate(gate);
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${gate.name} (${seconds.toFixed(1)} s)`);
  if (passed) continue;
  console.log(`${output}\n  → ${gate.remedy}`);
  process.exitCode = 1;
}
