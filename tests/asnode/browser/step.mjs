// The steps of a story in the browser: each says when it is done, and an error says in which step it came.

/** passed is how many steps are done. */
export let passed = 0;

/** step does something. What it throws has the step's name before it. */
export async function step(what, act) {
  const began = Date.now();
  try {
    await act();
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
  passed++;
  console.log(`ok  ${what} (${Date.now() - began} ms)`);
}
