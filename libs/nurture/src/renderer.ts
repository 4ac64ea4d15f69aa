/** One mail to render. `key` names an immutable template version, so that it is parsed once. */
export interface RenderTask {
  key: string;
  subject: string;
  html: string;
  context: Record<string, unknown>;
}

export type Rendered =
  { ok: true; subject: string; html: string; text: string } | { ok: false; error: string; late: boolean };

/**
 * Liquid as far as strangers may use it: own properties only, output escaped, no `raw`, no files, hard limits.
 * Runs inside the render thread, which gets this function as text: it must not refer to anything outside itself.
 */
export function makeRenderer(liquid: typeof import('liquidjs'), htmlToText: typeof import('html-to-text')) {
  const bounds = {
    templates: {},
    ownPropertyOnly: true,
    strictFilters: true,
    parseLimit: 1e5,
    renderLimit: 200,
    memoryLimit: 1e6,
    globals: {},
  };
  const engine = new liquid.Liquid({ ...bounds, outputEscape: 'escape' });
  // a subject is no HTML: escaping would show as &amp; in the inbox
  const plain = new liquid.Liquid(bounds);
  const text = (value: unknown) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');
  const webAddress = (value: unknown) => {
    try {
      const url = new URL(text(value).trim());
      return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : '';
    } catch {
      return '';
    }
  };
  // 様 stands once, whatever the name already carries; a company without a person gets ご担当者様
  const sama = (lead: unknown) => {
    const of = (name: string) =>
      typeof lead === 'object' && lead !== null && Object.hasOwn(lead, name)
        ? text((lead as Record<string, unknown>)[name]).trim()
        : '';
    const bare = (name: string) => name.replace(/\s*(様|さん|殿)$/u, '');
    const [family, given, company] = [bare(of('family_name')), bare(of('given_name')), of('company')];
    if (typeof lead === 'string') return bare(lead) ? `${bare(lead)} 様` : 'ご担当者様';
    if (family) return `${family}${given ? ` ${given}` : ''} 様`;
    if (given) return `${given} 様`;
    return company ? `${company} ご担当者様` : 'ご担当者様';
  };
  for (const each of [engine, plain]) {
    delete each.filters['raw'];
    for (const tag of ['include', 'render', 'layout', 'block', 'raw']) delete each.tags[tag];
    each.registerFilter('url', webAddress);
    each.registerFilter('sama', sama);
  }
  const toText = htmlToText.compile({
    wordwrap: 78,
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: 'a', options: { ignoreHref: false, hideLinkHrefIfSameAsText: true } },
      { selector: 'table', format: 'block' },
    ],
  });
  type Parsed = ReturnType<typeof engine.parse>;
  const parsed = new Map<string, { subject: Parsed; html: Parsed }>();
  return {
    /** Parse errors throw; returns the full paths a template reads. */
    variables: (source: string): string[] => engine.globalFullVariablesSync(engine.parse(source)),
    render(task: RenderTask): Rendered {
      try {
        let template = parsed.get(task.key);
        if (!template) {
          template = { subject: plain.parse(task.subject), html: engine.parse(task.html) };
          if (parsed.size > 200) parsed.clear();
          parsed.set(task.key, template);
        }
        const subject = plain.renderSync(template.subject, task.context) as string;
        const html = engine.renderSync(template.html, task.context) as string;
        return { ok: true, subject, html, text: toText(html) };
      } catch (error) {
        const message = (error as Error).message.slice(0, 500);
        // the one limit in wall time: on a busy machine it says nothing of the template
        return { ok: false, error: message, late: message.includes('render limit exceeded') };
      }
    },
  };
}
