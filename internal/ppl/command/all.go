package command

// All lists the commands in the order of the manual. The names of commands are not reserved words.
func All() []Spec {
	return []Spec{
		searchSpec(), whereSpec(), fieldsSpec(), headSpec(), sortSpec(), statsSpec(), evalSpec(), dedupSpec(), topSpec(), rareSpec(),
		renameSpec(), parseSpec(), grokSpec(), rexSpec(), regexSpec(), fillnullSpec(), reverseSpec(), binSpec(), timechartSpec(), patternsSpec(),
		eventstatsSpec(), streamstatsSpec(), trendlineSpec(), appendSpec(), appendcolSpec(), appendpipeSpec(), multisearchSpec(), unionSpec(),
		joinSpec(), lookupSpec(), chartSpec(), replaceSpec(), expandSpec(), mvexpandSpec(), flattenSpec(), nomvSpec(), mvcombineSpec(),
		fieldformatSpec(), convertSpec(), addtotalsSpec(), addcoltotalsSpec(), transposeSpec(), describeSpec(),
		spathSpec(), makeresultsSpec(), xyseriesSpec(), foreachSpec(), timewrapSpec(), graphlookupSpec(), showSpec(),
		adSpec(), kmeansSpec(), mlSpec(),
	}
}
