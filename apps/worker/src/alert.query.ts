import { alertReader, type AlertReader, type Explain } from '#libs/handoff';
import type { WorkerConfig } from './worker.config.js';

const explain: Explain = async (_client, leads) =>
  leads.map(({ notice: { payload } }) => {
    const rules = Array.isArray(payload['rules']) ? (payload['rules'] as string[]) : [];
    const total = Number(payload['score'] ?? 0);
    return {
      rules: rules.map((name) => ({ name, conditions: { ja: [], en: [] } })),
      score: { total, engagement: 0, fit: 0, grade: null },
      lines: [],
      timeZone: 'Asia/Tokyo',
    };
  });

export const readAlerts = (config: WorkerConfig): AlertReader => alertReader(explain, { apiUrl: config.PUBLIC_API_URL });
