/*
 * Live reload: every page of `moonloop dev` carries this script. It makes no inline style and evaluates
 * nothing, so that a Content-Security-Policy with 'self' for script-src and connect-src lets it
 * work. CSS_TEXT is overlay.css, put in when it is served.
 */
(function () {
"use strict";

if (window.moonloopLive) return;
window.moonloopLive = true;

var me = document.currentScript, base = me.src.replace(/live\.js.*$/, "live");
var page = me.dataset.id, isBroken = me.dataset.broken !== undefined;
var source = null, timer = 0, pause = 60, host = null, shown = "";

// ---- connection: anew after every end, later and later; none while nobody looks

function connect() {
	clearTimeout(timer);
	if (source || document.visibilityState === "hidden") return;
	source = new EventSource(base);
	source.onerror = function () { disconnect(); retry(); };
	on("hello", function (news) {
		pause = 60;
		if (isBroken && news.id !== page) return reload(news.id);
		if (news.broken) return broken(news.broken);
		if (isBroken || news.id !== page) return reload(news.id);
		hide();
	});
	on("broken", broken);
	on("raised", function (report) { show(report, true); });
	on("swapped", function () { disconnect(); pause = 30; retry(); });
}

function on(name, fn) {
	source.addEventListener(name, function (e) { fn(JSON.parse(e.data)); });
}

function disconnect() {
	if (source) source.close();
	source = null;
}

function retry() {
	clearTimeout(timer);
	timer = setTimeout(connect, pause);
	pause = Math.min(pause * 1.6, 5000);
}

document.addEventListener("visibilitychange", function () {
	if (document.visibilityState === "hidden") disconnect(); else connect();
});
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", function (e) { if (e.persisted) connect(); });

// A page that comes from a cache has the old id for ever: once is enough.
function reload(id) {
	var key = "moonloop.live", mark = id + " " + location.href;
	try {
		if (sessionStorage.getItem(key) === mark) { page = id; return hide(); }
		sessionStorage.setItem(key, mark);
	} catch (e) { /* no storage, no guard */ }
	disconnect();
	location.reload();
}

// ---- overlay

function broken(report) {
	if (report.message !== me.dataset.broken) show(report, false); // else it is the page itself
}

function element(name, text, kind) {
	var e = document.createElement(name);
	if (kind) e.className = kind;
	if (text !== undefined && text !== null) e.textContent = text;
	return e;
}

var css = (CSS_TEXT);

function style(root) {
	if (root.adoptedStyleSheets !== undefined && window.CSSStyleSheet) {
		try {
			var sheet = new CSSStyleSheet();
			sheet.replaceSync(css);
			root.adoptedStyleSheets = [sheet];
			return;
		} catch (e) { /* an older browser */ }
	}
	root.appendChild(element("style", css));
}

function excerpt(report) {
	var box = element("div", null, "source");
	report.excerpt.forEach(function (line) {
		var row = element("div", null, line.hit ? "line hit" : "line");
		row.appendChild(element("b", line.n));
		row.appendChild(element("span", line.text));
		box.appendChild(row);
	});
	return box;
}

function head(report, mayClose) {
	var box = element("div", null, "head");
	box.appendChild(element("p", report.title + (report.at ? ": " + report.at : ""), "kind"));
	box.appendChild(element("h1", report.headline));
	if (report.file) box.appendChild(element("p", report.file + ":" + report.line, "place"));
	if (mayClose) {
		var button = element("button", "\u00d7");
		button.setAttribute("aria-label", "Close");
		button.onclick = hide;
		box.appendChild(button);
	}
	return box;
}

function show(report, mayClose) {
	var text = JSON.stringify(report);
	if (host && text === shown) return;
	hide();
	shown = text;
	host = element("moonloop-overlay");
	var root = host.attachShadow({ mode: "open" });
	style(root);
	var back = element("div", null, "back"), box = element("div", null, "box");
	box.setAttribute("role", "alertdialog");
	box.appendChild(head(report, mayClose));
	if (report.excerpt) box.appendChild(excerpt(report));
	if (report.message.indexOf("\n") > 0) box.appendChild(element("pre", report.message));
	if (report.stack) box.appendChild(element("pre", report.stack));
	box.appendChild(element("p", mayClose ? "The response was cut off here." :
		"The page below is of the code before. It reloads when the file is mended.", "foot"));
	back.appendChild(box);
	root.appendChild(back);
	document.documentElement.appendChild(host);
}

function hide() {
	if (host) host.remove();
	host = null;
	shown = "";
}

connect();
})();
