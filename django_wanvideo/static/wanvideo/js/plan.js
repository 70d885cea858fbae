// Keeps button and price of a plan up to what is ticked; the server calculates both.
const form = document.querySelector("[data-wanvideo-plan]");

function address() {
    const ticks = [...form.querySelectorAll("[name=t]:checked")].map((box) => box.value);
    return `${location.pathname}?t=${ticks.join(".")}`;
}

if (form) {
    let asking = null;
    form.addEventListener("change", async (event) => {
        if (event.target.name !== "t") return;
        event.target.closest("tr").classList.toggle("selected", event.target.checked);
        asking?.abort();
        const mine = (asking = new AbortController());
        const wanted = address();
        const bar = form.querySelector("[data-wanvideo-price]");
        for (const button of bar.querySelectorAll("button")) button.disabled = true;
        try {
            const answer = await fetch(wanted, { signal: mine.signal, headers: { Accept: "text/html" } });
            if (!answer.ok || answer.redirected) return location.assign(wanted);
            const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
            const then = fresh.querySelector("[data-wanvideo-price]");
            if (!then) return location.assign(wanted);
            bar.replaceWith(document.adoptNode(then));
            history.replaceState(history.state, "", wanted);
        } catch (error) {
            if (error.name !== "AbortError") location.assign(wanted);
        }
    });
    // The browser may have ticked boxes again that the shown price knows nothing of.
    addEventListener("pageshow", () => {
        const shown = form.querySelector("[name=shown]").value;
        if (address() !== `${location.pathname}?t=${shown}`) form.querySelector("[name=t]").dispatchEvent(new Event("change", { bubbles: true }));
    });
}
