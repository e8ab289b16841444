package labelled

// words are values that look like text: names of modules, hosts, files, databases.
var words = []string{
	"amber", "anchor", "apex", "arrow", "aspen", "atlas", "aurora", "basil", "beacon", "birch", "bolt", "breeze", "bronze", "cactus", "candle",
	"canyon", "cedar", "chart", "cherry", "cinder", "clover", "cobalt", "comet", "copper", "coral", "cosmos", "cotton", "crane", "crystal", "cypress",
	"dahlia", "dawn", "delta", "desert", "dolphin", "domino", "dragon", "drift", "eagle", "ebony", "echo", "elder", "ember", "falcon", "fern", "fjord",
	"flint", "forest", "fossil", "garnet", "geyser", "ginger", "glacier", "granite", "grove", "harbor", "hazel", "heron", "hickory", "hollow",
	"horizon", "indigo", "iris", "island", "ivory", "jasper", "juniper", "kelp", "kestrel", "lagoon", "lantern", "larch", "laurel", "lilac", "linden",
	"lotus", "lunar", "magnet", "mango", "maple", "marble", "meadow", "mesa", "meteor", "mica", "mint", "mosaic", "nebula", "nectar", "nova", "oasis",
	"ocean", "olive", "onyx", "opal", "orbit", "orchid", "otter", "palm", "panda", "pearl", "pebble", "pepper", "phoenix", "pine", "pixel", "plasma",
	"poplar", "prairie", "prism", "pulsar", "quartz", "quill", "rapid", "raven", "reef", "ridge", "river", "robin", "rowan", "ruby", "saffron", "sage",
	"salmon", "sandal", "sapphire", "scarlet", "sequoia", "shadow", "sierra", "silver", "solar", "sparrow", "spruce", "stone", "summit", "sunset",
	"tango", "teal", "thistle", "thunder", "tiger", "timber", "topaz", "tulip", "tundra", "umber", "valley", "velvet", "violet", "walnut", "willow",
	"winter", "wolf", "zephyr", "zinc",
}

// people are names of users, persons and daemons.
var people = []string{
	"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kevin", "laura", "mallory", "nina", "oscar", "peggy",
	"quentin", "rupert", "sybil", "trent", "ursula", "victor", "wendy", "xavier", "yvonne", "zoe", "alan", "bella", "cyrus", "diana", "edgar", "fiona",
	"george", "helen", "igor", "jenny", "karl", "lena", "martin", "nora", "oliver", "paula", "ralph", "sarah", "thomas", "uma", "vera", "walter",
	"guest", "test", "oracle", "postgres", "mysql", "nagios", "ftp", "news", "mail", "backup", "git", "deploy", "tomcat", "ubuntu", "pi", "student",
	"webmaster", "support", "info",
}

// programs are names of Windows processes.
var programs = []string{
	"chrome.exe", "firefox.exe", "Dropbox.exe", "Skype.exe", "svchost.exe", "git-remote-https.exe", "YodaoDict.exe", "SogouCloud.exe",
	"Thunderbird.exe", "WeChat.exe",
}

// months are the short names of the months.
var months = []string{
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}

// days are the short names of the weekdays.
var days = []string{
	"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
}
