// Runs the CloudFront function of the template as CloudFront does, as far as it goes: a stub is in the place of its module.

/** load takes the function's code and returns (event) => ({ request, origin }); origin is undefined for the behaviour's own. */
export async function load(code) {
  const imported = "import cf from 'cloudfront';";
  if (!code.includes(imported)) throw new Error(`the function does not say ${imported}`);
  const stub = "const chosen = []; const cf = { selectRequestOriginById: (id) => chosen.push(id) };";
  const text = `${stub}\n${code.replace(imported, "")}\nexport { handler, chosen };`;
  const { handler, chosen } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  return (event) => {
    chosen.length = 0;
    const request = handler(event);
    return { request, origin: chosen.at(-1) };
  };
}

/** eventOf makes the event of a viewer's request: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html */
export function eventOf({ method = "GET", url, headers = {} }) {
  const [uri, query = ""] = url.split("?", 2);
  const querystring = {};
  for (const pair of query.split("&").filter(Boolean)) {
    const [name, value = ""] = pair.split("=", 2); // not decoded, as in CloudFront
    const known = querystring[name];
    if (!known) querystring[name] = { value };
    else known.multiValue = [...(known.multiValue ?? [{ value: known.value }]), { value }];
  }
  // The headers of the protocol itself are not shown to a function.
  const hidden = ["connection", "upgrade", "host"];
  const shown = Object.entries(headers).filter(([name]) => !hidden.includes(name.toLowerCase()));
  return {
    version: "1.0",
    context: { eventType: "viewer-request" },
    viewer: { ip: "192.0.2.1" },
    request: { method, uri, querystring, headers: Object.fromEntries(shown.map(([name, value]) => [name.toLowerCase(), { value }])), cookies: {} },
  };
}
