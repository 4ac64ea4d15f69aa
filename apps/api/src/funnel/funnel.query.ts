import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { databaseNow, type Queryable } from '#libs/platform';

export const funnelCounts = z
  .object({
    at: z.iso.datetime(),
    stages: z.array(z.object({ stage: z.string().nullable(), leads: z.number(), visitors: z.number() })),
    erased: z
      .array(z.object({ stage: z.string().nullable(), leads: z.number(), visitors: z.number() }))
      .describe('People who stood in the stage when they were erased: what was counted before adds up with them'),
    temperatures: z.array(z.object({ temperature: z.enum(['hot', 'warm', 'cold']), leads: z.number() })),
  })
  .meta({ id: 'FunnelCounts' });

/** How many leads stand in each stage now, and how hot they are. Visitors are counted apart. */
export class CountFunnel extends Query<z.infer<typeof funnelCounts>> {}

@QueryHandler(CountFunnel)
export class CountFunnelHandler implements IQueryHandler<CountFunnel> {
  constructor(private readonly db: Queryable) {}

  async execute() {
    const [now, stages, erased, temperatures] = await Promise.all([
      databaseNow(this.db),
      this.db.query<{ stage: string | null; leads: number; visitors: number }>(
        `select stage, count(*) filter (where not visitor)::int as leads, count(*) filter (where visitor)::int as visitors
         from lead_rank group by stage order by count(*) desc, stage`,
      ),
      this.db.query<{ stage: string | null; leads: number; visitors: number }>(
        `select nullif(name, '') as stage, coalesce(sum(n) filter (where measure = 'lead'), 0)::int as leads,
           coalesce(sum(n) filter (where measure = 'visitor'), 0)::int as visitors
         from erased_count where measure in ('lead', 'visitor') group by name order by name`,
      ),
      this.db.query<{ temperature: 'hot' | 'warm' | 'cold'; leads: number }>(
        `select temperature, count(*)::int as leads from lead_rank where not visitor group by temperature order by temperature`,
      ),
    ]);
    return { at: now.toISOString(), stages: stages.rows, erased: erased.rows, temperatures: temperatures.rows };
  }
}
