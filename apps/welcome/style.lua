--- The style sheet of the welcome page: light and dark, wide and narrow.
return [[
:root {
	--paper: #f3f5f9; --panel: #fff; --ink: #161b2b; --soft: #566079; --line: #d9deea;
	--accent: #274690; --faint: #b4bdd2; --moon-hi: #fdfdfd; --moon-lo: #b3bccf; --glow: #e3e8f3; --sat: #c98a12;
	--lit: #f4c95d; --dark: #5a6684; --code: #151a2a; --code-ink: #e4e8f4; --code-soft: #95a0bd;
	--key: #9db8ff; --string: #f0cf8a; --comment: #8c98b8; --good: #1f8a5b; --bad: #b3372f;
	--crater: #161b2b; --mono: ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas,
		"DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
	:root {
		--paper: #0b0f1a; --panel: #121828; --ink: #e9ecf5; --soft: #98a3bf; --line: #232c44;
		--accent: #f0d48a; --faint: #3d4865; --moon-hi: #f7f1de; --moon-lo: #8d8a80; --glow: #141c31;
		--sat: #f4c95d; --lit: #f4e3b0; --dark: #2b3552; --code: #070a13; --good: #59c795; --bad: #ef8a80;
	}
}
* { box-sizing: border-box; margin: 0 }
html { -webkit-text-size-adjust: 100% }
body {
	background: var(--paper); color: var(--ink);
	font: 17px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, Inter, "Helvetica Neue", sans-serif;
}
main, footer { max-width: 1120px; margin: 0 auto; padding: 0 32px }
h1 { font-size: clamp(2.4rem, 6vw, 4rem); line-height: 1.06; letter-spacing: -.03em; font-weight: 680 }
h2 { font-size: 1.25rem; line-height: 1.3; letter-spacing: -.01em; font-weight: 640 }
a { color: var(--accent) }
code { font-family: var(--mono); font-size: .88em }
p code { background: var(--glow); border-radius: 5px; padding: .1em .35em; overflow-wrap: anywhere }

.mark { display: flex; align-items: center; gap: 10px; margin-bottom: 44px }
.mark { font-weight: 640; letter-spacing: -.01em }
.mark svg { width: 34px; height: 34px }
.mark .disc { fill: var(--accent) } .mark .ring { fill: none; stroke: var(--faint); stroke-width: 1.6 }
.mark .sat { fill: var(--sat); stroke: var(--paper); stroke-width: 2.4; paint-order: stroke }

.hero { display: grid; grid-template-columns: 1.15fr 1fr; gap: 40px; align-items: center }
.hero { padding: 44px 0 36px }
.lead { font-size: 1.22rem; line-height: 1.5; margin-top: 22px; max-width: 34em; color: var(--ink) }
.made { color: var(--soft); margin-top: 20px; font-size: .95rem }
.orbit svg { display: block; width: 100%; max-width: 440px; margin: 0 auto; overflow: visible }
.orbit .hi { stop-color: var(--moon-hi) } .orbit .lo { stop-color: var(--moon-lo) }
.orbit .near { stop-color: var(--glow) } .orbit .far { stop-color: var(--glow); stop-opacity: 0 }
.orbit .crater { fill: var(--crater); fill-opacity: .075 }
.orbit .path { fill: none; stroke: var(--line); stroke-width: 1.5 }
.orbit .dark { fill: var(--dark); stroke: var(--paper); stroke-width: 6; paint-order: stroke }
.orbit .lit { fill: var(--lit) } .orbit .sat { fill: var(--sat) }
.orbit .trail { fill: none; stroke: var(--sat); stroke-width: 2; stroke-linecap: round; stroke-opacity: .55 }
.orbit text { font: 600 15px var(--mono); fill: var(--soft) }
.orbit .turn { transform-origin: 220px 220px; transform: rotate(38deg); animation: turn 14s linear infinite }
@keyframes turn { from { transform: rotate(38deg) } to { transform: rotate(398deg) } }
@media (prefers-reduced-motion: reduce) { .orbit .turn { animation: none } }

#facts { border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); padding: 22px 0 24px }
#facts h2 { font-size: .95rem; font-weight: 600; color: var(--soft); letter-spacing: 0; margin-bottom: 14px }
#pulse { margin-left: 8px; font-weight: 500 }
#pulse.live, #pulse.lost { color: var(--good) } #pulse.lost { color: var(--bad) }
#pulse:not(:empty)::before {
	content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
	background: currentColor; margin-right: 6px; vertical-align: 1px;
}
#facts dl { display: grid; grid-template-columns: repeat(6, 1fr); gap: 20px }
#facts div { display: flex; flex-direction: column-reverse; justify-content: flex-end }
#facts dt { color: var(--soft); font-size: .85rem }
#facts dd { font-size: 1.45rem; font-weight: 620; letter-spacing: -.015em }
#facts dd { font-variant-numeric: tabular-nums }

.next { font-size: 1.7rem; letter-spacing: -.02em; margin: 60px 0 6px }
.step {
	display: grid; grid-template-columns: minmax(0, 4fr) minmax(0, 7fr); gap: 18px 48px;
	padding: 34px 0; border-bottom: 1px solid var(--line);
}
.step:last-child { border: 0 }
.say p { color: var(--soft); margin-top: 10px }
.show { display: grid; gap: 10px; align-content: start; min-width: 0 }
figure { margin: 0 }
.show figure, .command { position: relative; min-width: 0; background: var(--code); border-radius: 10px }
.show figcaption { font: 13px/1 var(--mono); color: var(--code-soft); padding: 15px 18px 0 }
pre { overflow-x: auto; padding: 13px 18px; tab-size: 4; color: var(--code-ink); border-radius: inherit }
pre { font: 14px/1.65 var(--mono); font-variant-ligatures: none }
pre code { font: inherit }
.show .command { display: flex; background: var(--panel); border: 1px solid var(--line) }
.command pre { flex: 1; min-width: 0; padding-right: 0; color: var(--ink) }
.command pre::before { content: "$ "; color: var(--soft) }
.k { color: var(--key) } .s, .n { color: var(--string) } .c { color: var(--comment) }
button {
	position: absolute; top: 9px; right: 9px; padding: 7px 10px; border: 1px solid transparent;
	border-radius: 7px; font: 500 13px/1 system-ui, sans-serif; color: var(--code-soft);
	background: var(--code); cursor: pointer;
}
.command button { position: static; order: 1; margin: 8px; align-self: start }
.command button { color: var(--soft); background: none }
button:hover { border-color: currentColor }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }

footer {
	display: flex; flex-wrap: wrap; justify-content: space-between; gap: 6px 32px;
	color: var(--soft); font-size: .92rem; padding-top: 26px; padding-bottom: 48px;
	border-top: 1px solid var(--line); max-width: 1056px; padding-left: 0; padding-right: 0;
}
.missing { padding-top: 44px; min-height: 80vh }

@media (max-width: 1120px) { footer { margin: 0 32px } }
@media (max-width: 860px) {
	.hero, .step { grid-template-columns: minmax(0, 1fr) }
	.hero { padding-top: 28px; gap: 20px } .mark { margin-bottom: 28px }
	.orbit svg { max-width: 340px }
	#facts dl { grid-template-columns: repeat(3, 1fr) }
}
@media (max-width: 480px) {
	body { font-size: 16px }
	main { padding: 0 20px } footer { margin: 0 20px }
	.lead { font-size: 1.1rem }
	#facts dl { grid-template-columns: repeat(2, 1fr) }
	.next { margin-top: 44px; font-size: 1.45rem }
	pre { font-size: 13px }
	.command pre { white-space: pre-wrap; overflow-wrap: anywhere }
}
]]
