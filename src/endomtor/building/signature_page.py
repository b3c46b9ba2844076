"""The table of the genes of the aging signature, for the page of the data."""

from html import escape


def html() -> str:
    """Return the genes of the aging signature that chapter 04 uses, in a block to be opened."""
    from endomtor.public import hsc_aging
    from endomtor.public.originals import STUDIES

    genes, _ = hsc_aging.signature()
    # Blanks between the cells: the search takes what stands between tags together as one word.
    rows = " ".join(
        f'<tr><th scope="row">{escape(name)}</th> <td class="endomtor-number">{row["average"]:.2f}</td> '
        f'<td class="endomtor-number">{row[list(STUDIES)].notna().sum()}</td></tr>'
        for name, row in genes.iterrows()
    )
    return (
        f"<details><summary>The {len(genes)} genes of the signature</summary>"
        '<div class="endomtor-table" tabindex="0" role="region" aria-label="Genes of the signature"><table>'
        '<thead><tr><th scope="col">gene</th><th scope="col">mean log2 fold change, old against young</th> '
        f'<th scope="col">studies, of {len(STUDIES)}</th></tr></thead> <tbody>{rows}</tbody></table></div></details>'
    )
