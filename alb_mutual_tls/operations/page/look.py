"""How the page looks: its style sheet, which loads nothing."""

from __future__ import annotations

from typing import Final

from alb_mutual_tls.operations.page.colours import DARK, LIGHT, css

_RULES: Final = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"Noto Sans","Hiragino Sans","Noto Sans CJK JP","Yu Gothic",sans-serif;
overflow-wrap:anywhere}
.skip{position:absolute;left:-99em}
.skip:focus{left:1em;top:1em;background:var(--paper);padding:.4em .8em;z-index:1}
header,main,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.05rem;font-weight:600;color:var(--quiet);margin:0 0 .3em}
h2{font-size:1.3rem;margin:2.4em 0 .5em;padding-bottom:.25em;border-bottom:1px solid var(--rule)}
p{margin:.5em 0}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.place{color:var(--quiet);margin:0 0 1em}
.verdict{border-left:8px solid;border-radius:6px;padding:18px 20px;margin:0}
.verdict h2{border:0;margin:0;padding:0;font-size:1.65rem;line-height:1.25}
.verdict p,.verdict ol{color:var(--ink)}
.verdict ol{padding-left:1.3em;margin:.6em 0 0}
.verdict li{margin:.35em 0}
.good{color:var(--good);background:var(--good-back)}
.bad{color:var(--bad);background:var(--bad-back)}
.grey{color:var(--grey);background:var(--grey-back)}
.verdict a{color:var(--ink)}
.sign{font-weight:700;display:inline-block;min-width:1em}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3em 1.3em;padding:0;margin:1.2em 0 0}
.quiet{color:var(--quiet)}
table{width:100%;border-collapse:collapse;table-layout:fixed;margin:1em 0 1.6em}
caption{text-align:left;font-weight:600;padding:.3em 0}
th,td{text-align:left;vertical-align:top;padding:.5em .6em;border-bottom:1px solid var(--rule)}
thead th{background:var(--panel);font-size:.9em}
tbody th{font-weight:600}
td.good,td.bad,td.grey{border-left:4px solid}
.matrix .wide{width:46%}
.small{display:block;font-size:.86em;font-weight:400;color:var(--quiet)}
.plain{list-style:none;margin:0;padding:0}
code{font:.86em ui-monospace,"SFMono-Regular",Consolas,monospace}
dl{display:grid;grid-template-columns:minmax(7em,max-content) 1fr;gap:.3em 1.2em;margin:0}
dt{color:var(--quiet)}
dd{margin:0}
summary{cursor:pointer}
svg{display:block;width:100%;height:auto;margin:1em 0;font-family:inherit}
svg.narrow,.narrow-text{display:none}
svg.narrow{max-width:460px}
svg text{fill:var(--ink)}
svg .heading{font-size:14px;font-weight:600;fill:var(--quiet)}
svg .name{font-size:15px;font-weight:600}
svg .label,svg .verb{font-size:13px}
svg .quiet,svg .verb{fill:var(--quiet)}
.box{fill:var(--panel);stroke:var(--line);stroke-width:1.5}
.box.good-box{stroke:var(--good);stroke-width:2.5}
.box.bad-box{stroke:var(--bad);stroke-width:2.5}
.box.link-box{stroke:var(--link);stroke-width:2.5}
.box.dashed{stroke-dasharray:6 4}
text.good-box{fill:var(--good)}text.bad-box{fill:var(--bad)}
svg text.name.good-box{fill:var(--good)}svg text.name.bad-box{fill:var(--bad)}
.edge{fill:none;stroke:var(--line);stroke-width:2}
.edge.broken{stroke:var(--bad);stroke-dasharray:5 4}
.tip{fill:var(--line)}
.tick{stroke:var(--rule);stroke-width:1}
.now{stroke:var(--ink);stroke-width:2}
.over{fill:var(--link);fill-opacity:.1}
.bar-authority{fill:var(--link)}.bar-client{fill:var(--good)}.bar-bad{fill:var(--bad)}
.diamond{fill:var(--paper);stroke:var(--ink);stroke-width:2}
footer{color:var(--quiet);padding-top:1.5em;padding-bottom:3em;font-size:.92em}
@media (max-width:719px){
header,main,footer{padding-left:14px;padding-right:14px}
svg.broad,.broad-text{display:none}svg.narrow,.narrow-text{display:block}
.verdict h2{font-size:1.35rem}
th,td{padding:.45em .4em}
table{font-size:.88em}
}
@media print{
body{font-size:10.5pt}
header,main,footer{max-width:none;padding-left:0;padding-right:0}
nav,.skip{display:none}
tr,svg,.verdict{break-inside:avoid}
h2,caption{break-after:avoid}
thead{display:table-header-group}
details::details-content{content-visibility:visible;display:block}
svg.broad,.broad-text{display:block}svg.narrow,.narrow-text{display:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""


def style() -> str:
    """The whole style sheet. Paper is light."""
    return (
        f":root{{{css(LIGHT)}}}@media screen and (prefers-color-scheme:dark){{:root{{{css(DARK)}}}}}{_RULES}"
    )
