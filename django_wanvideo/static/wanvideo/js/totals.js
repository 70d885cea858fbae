// Asks for what the tasks of the filter add up to once the list is there, and again when one of them has moved on.
const PATIENCE = 60000;
const line = document.querySelector("[data-wanvideo-totals]");
let asking = false;
let again = false;

async function ask() {
    again = asking;
    if (asking) return;
    asking = true;
    try {
        const answer = await fetch(line.dataset.wanvideoTotals, {
            headers: { Accept: "application/json" },
            redirect: "manual",
            signal: AbortSignal.timeout(PATIENCE),
        });
        if (answer.ok) line.innerHTML = (await answer.json()).html;
    } catch {
        // The link to the sum stays where it is.
    }
    asking = false;
    if (again) ask();
}

if (line) {
    ask();
    document.addEventListener("wanvideo:moved", ask);
}
