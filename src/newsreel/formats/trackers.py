"""What publishers and platforms hang onto links to follow readers: our own list, kept up by hand.

A parameter is listed when dropping it leads to the same article on the sites that use it. Parameters that mean
something elsewhere stand under the site that tracks with them.
"""

PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "oly_", "vero_", "wt_", "wt.", "at_custom", "ns_", "itm_", "stm_", "sc_c", "mkt_", "_bta_", "trk_", "guce_", "asc_", "algo_", "dclid", "int_")

PARAMETERS = frozenset(
    # advertising networks' click ids
    "gclid gclsrc gbraid wbraid fbclid msclkid yclid ysclid twclid ttclid li_fat_id igshid igsh mc_cid mc_eid epik "
    "rdt_cid sccid irclickid irgwc _openstat obclid tblci ob_click_id srsltid gad_source gad_campaignid cvid oicd "
    # mailing and marketing suites
    "_hsenc _hsmi __hssc __hstc __hsfp hsctatracking mkt_tok ml_subscriber ml_subscriber_hash ck_subscriber_id "
    "elqtrack elqtrackid elqaid elqat elqcampaignid sfmc_id sfmc_sub et_cid et_rid spmailingid spuserid spjobid "
    "spreportid bsft_eid bsft_clkid cmpid cmp campid campaign_id cid_source s_cid s_kwcid icid ito ocid ncid nr_email_referer "
    "_branch_match_id _ga _gl _ke __twitter_impression wickedid xtor xtref xts at_medium at_campaign at_link at_format "
    "ftag fr_source rss_source partner_source feedtype feedname ref_src ref_url referringsource source_feed "
    "mbid smid smtyp partner_id link_source taid emci emdi ceid_source nl_id zarsrc dm_i trk trkcampaign "
    "traffic_source traffic_type share_from share_id share_source wprov wpsrc wpisrc sref srnd sr_share soc_src soc_trk "
    "dicbo rb_clickid s_campaign yptr guccounter ns_mchannel ns_source ns_campaign ns_linkname ns_fee "
    "feature_source fromrss from_rss isrss via_rss rssfeed syndication amp_js_v usqp amp_gsa".split()
)

# Tracking on these sites alone; elsewhere the same names choose what is shown.
SITE_PARAMETERS = {
    "youtube.com": frozenset({"feature", "si", "pp", "ab_channel"}),
    "youtu.be": frozenset({"feature", "si"}),
    "spotify.com": frozenset({"si", "context"}),
    "twitter.com": frozenset({"s", "t", "ref", "cxt"}),
    "x.com": frozenset({"s", "t", "ref", "cxt"}),
    "reddit.com": frozenset({"context_source", "rdt", "share_id", "ref", "ref_source"}),
    "amazon.com": frozenset({"ref", "ref_", "tag", "linkcode", "ascsubtag", "pd_rd_r", "pd_rd_w", "pf_rd_p", "pf_rd_r"}),
    "medium.com": frozenset({"source", "sk"}),
    "nytimes.com": frozenset({"partner", "emc", "rss", "smid", "ref", "hp"}),
    "theguardian.com": frozenset({"cmp", "ref"}),
    "bbc.co.uk": frozenset({"at_bbc_team", "ocid"}),
    "bbc.com": frozenset({"at_bbc_team", "ocid"}),
    "washingtonpost.com": frozenset({"tid", "nid"}),
    "wsj.com": frozenset({"mod", "st", "reflink"}),
    "cnn.com": frozenset({"eref", "iref"}),
    "reuters.com": frozenset({"feedtype", "feedname", "rpc"}),
    "bloomberg.com": frozenset({"srnd", "sref", "cmpid"}),
    "npr.org": frozenset({"sc", "ft", "f"}),
    "lemonde.fr": frozenset({"xtor"}),
    "spiegel.de": frozenset({"ref"}),
    "heise.de": frozenset({"wt_mc", "from-classic"}),
    "zdnet.com": frozenset({"ftag"}),
    "wired.com": frozenset({"mbid"}),
    "facebook.com": frozenset({"__tn__", "__xts__", "ref", "refsrc", "hc_ref", "mibextid", "rdid", "eid"}),
    "linkedin.com": frozenset({"trackingid", "refid", "trk", "lipi"}),
    "google.com": frozenset({"ved", "usg", "sa", "ei", "oc"}),
    "yahoo.com": frozenset({"soc_src", "soc_trk", ".tsrc", "guccounter"}),
    "tagesschau.de": frozenset({"xtor"}),
}  # fmt: skip

FRAGMENTS = frozenset({"rss", "ref=rss", "feed", "comments", "respond", "disqus_thread", "ixzz"})

# host without "www." → the path's beginning, and the parameters that may hold the address; none: it stands bare.
REDIRECTORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "google.com": ("/url", ("q", "url")),
    "youtube.com": ("/redirect", ("q",)),
    "facebook.com": ("/l.php", ("u",)),
    "l.facebook.com": ("/l.php", ("u",)),
    "lm.facebook.com": ("/l.php", ("u",)),
    "l.instagram.com": ("/", ("u",)),
    "l.threads.com": ("/", ("u",)),
    "out.reddit.com": ("/", ("url",)),
    "bing.com": ("/news/apiclick.aspx", ("url",)),
    "t.umblr.com": ("/redirect", ("z",)),
    "vk.com": ("/away.php", ("to",)),
    "steamcommunity.com": ("/linkfilter", ("url", "u")),
    "slack-redir.net": ("/link", ("url",)),
    "exit.sc": ("/", ("url",)),
    "linkedin.com": ("/redir/redirect", ("url",)),
    "go.redirectingat.com": ("/", ("url",)),
    "go.skimresources.com": ("/", ("url",)),
    "clk.tradedoubler.com": ("/click", ("url",)),
    "awin1.com": ("/cread.php", ("ued", "p")),
    "redirect.viglink.com": ("/", ("u",)),
    "shareasale.com": ("/r.cfm", ("urllink",)),
    "duckduckgo.com": ("/l/", ("uddg",)),
    "disq.us": ("/url", ("url",)),
    "curseforge.com": ("/linkout", ("remoteurl",)),
    "link.zhihu.com": ("/", ("target",)),
    "link.juejin.cn": ("/", ("target",)),
    "gate.sc": ("/", ("url",)),
    "href.li": ("/", ()),
    "anonym.to": ("/", ()),
    "nullrefer.com": ("/", ()),
}
