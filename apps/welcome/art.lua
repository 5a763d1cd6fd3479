--- The drawings of the welcome page, as inline SVG that takes its colours from style.lua.
local art = {}

--- The mark beside the name: a moon and what goes round it.
art.mark = [[
<p class="mark"><svg viewBox="0 0 32 32" aria-hidden="true"><circle class="ring" cx="16" cy="16" r="13"/>
<path class="disc" d="M18 8.2a8 8 0 1 0 5.8 11.2a7 7 0 0 1-5.8-11.2Z"/>
<circle class="sat" cx="25.2" cy="6.8" r="3.4"/></svg>moonloop</p>
]]

--- The same as a data: address, for the tab.
art.icon = "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
	.. "%3Ccircle cx='16' cy='16' r='13' fill='none' stroke='%237f8aa8' stroke-width='2'/%3E"
	.. "%3Cpath d='M18 8.2a8 8 0 1 0 5.8 11.2a7 7 0 0 1-5.8-11.2Z' fill='%23d9a93a'/%3E"
	.. "%3Ccircle cx='25.2' cy='6.8' r='3.4' fill='%237f8aa8'/%3E%3C/svg%3E"

-- The five steps of one turn of the loop, drawn as phases of the moon: how much is lit, which side.
local PHASES = {
	{ name = "poll", lit = 0 },
	{ name = "feed", lit = 0.3, side = 1 },
	{ name = "run", lit = 1 },
	{ name = "flush", lit = 0.7, side = -1 },
	{ name = "reap", lit = 0.3, side = -1 },
}
local CENTRE, ORBIT, DISC, LABEL = 220, 150, 13, 34

local function lit_path(lit, side)
	if lit == 1 then
		return ('<circle class="lit" r="%d"/>'):format(DISC)
	elseif lit == 0 then
		return ""
	end
	-- The outer edge is half the disc; the inner one half an ellipse, bulging into or out of it.
	local rx = math.abs(1 - 2 * lit) * DISC
	local path = ("M0 %dA%d %d 0 0 1 0 %dA%.1f %d 0 0 %d 0 %dZ"):format(
		-DISC, DISC, DISC, DISC, rx, DISC, lit < 0.5 and 0 or 1, -DISC)
	return ('<path class="lit" transform="scale(%d 1)" d="%s"/>'):format(side, path)
end

local function phases()
	local out = {}
	for i, phase in ipairs(PHASES) do
		local angle = math.rad(72 * (i - 1) - 90)
		local x, y = CENTRE + ORBIT * math.cos(angle), CENTRE + ORBIT * math.sin(angle)
		local lx, ly = LABEL * math.cos(angle), LABEL * math.sin(angle)
		local anchor = math.abs(lx) < 1 and "middle" or lx > 0 and "start" or "end"
		local at = math.abs(lx) < 1 and 0 or lx * 0.75
		out[i] = ('<g transform="translate(%.1f %.1f)"><circle class="dark" r="%d"/>%s'):format(
			x, y, DISC, lit_path(phase.lit, phase.side))
			.. ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text></g>'):format(at, ly + 5, anchor, phase.name)
	end
	return table.concat(out)
end

--- The large drawing: the moon, and one turn of the loop around it.
art.orbit = [[
<figure class="orbit"><svg viewBox="0 0 440 420" role="img"
aria-label="A moon; around it the five steps of the loop: poll, feed, run, flush, reap">
<defs><radialGradient id="moon" cx=".36" cy=".32" r=".8"><stop class="hi" offset="0"/>
<stop class="lo" offset="1"/></radialGradient><radialGradient id="halo"><stop class="near" offset=".55"/>
<stop class="far" offset="1"/></radialGradient></defs>
<circle cx="220" cy="220" r="146" fill="url(#halo)"/><circle cx="220" cy="220" r="84" fill="url(#moon)"/>
<g class="crater"><circle cx="190" cy="192" r="17"/><circle cx="246" cy="180" r="9"/>
<circle cx="258" cy="232" r="21"/><circle cx="205" cy="256" r="11"/><circle cx="228" cy="212" r="6"/>
<circle cx="172" cy="234" r="7"/><circle cx="232" cy="276" r="8"/></g>
<circle class="path" cx="220" cy="220" r="150"/>
<g class="turn"><path class="trail" d="M131.8 98.7A150 150 0 0 1 220 70"/>
<circle class="sat" cx="220" cy="70" r="6"/></g>
]] .. phases() .. "</svg></figure>"

return art
