//! Names to choose from: their spelling, and their form in addresses and ids.

/// First and last names that go together.
pub struct Culture {
    pub first: &'static [(&'static str, &'static str)],
    pub last: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
pub const CULTURES: [Culture; 10] = [
    Culture {
        first: &[("Ada", "ada"), ("Alan", "alan"), ("Grace", "grace"), ("Edward", "edward"), ("Olivia", "olivia"), ("Noah", "noah"),
            ("Amelia", "amelia"), ("Jack", "jack"), ("Ruby", "ruby"), ("Oscar", "oscar"), ("Hazel", "hazel"), ("Liam", "liam"),
            ("Nora", "nora"), ("Ethan", "ethan"), ("Ivy", "ivy"), ("Henry", "henry")],
        last: &[("Smith", "smith"), ("Jones", "jones"), ("O'Brien", "o.brien"), ("Taylor", "taylor"), ("Walker", "walker"), ("Wright", "wright"),
            ("Turner", "turner"), ("Hughes", "hughes"), ("Clarke", "clarke"), ("Bennett", "bennett"), ("Murphy", "murphy"), ("Reid", "reid"),
            ("MacLeod", "macleod"), ("Parker", "parker"), ("Ward", "ward"), ("Foster", "foster")],
    },
    Culture {
        first: &[("Jürgen", "juergen"), ("Anneliese", "anneliese"), ("Björn", "bjoern"), ("Käthe", "kaethe"), ("Lukas", "lukas"), ("Mia", "mia"),
            ("Søren", "soeren"), ("Åsa", "asa"), ("Freya", "freya"), ("Matthias", "matthias"), ("Greta", "greta"), ("Jörg", "joerg")],
        last: &[("Müller", "mueller"), ("Schröder", "schroeder"), ("Weiß", "weiss"), ("Lindqvist", "lindqvist"), ("Sørensen", "soerensen"),
            ("Krüger", "krueger"), ("Groß", "gross"), ("Åkesson", "akesson"), ("Bergström", "bergstroem"), ("Vogel", "vogel"),
            ("Hartmann", "hartmann"), ("von der Heide", "vonderheide")],
    },
    Culture {
        first: &[("Zoé", "zoe"), ("François", "francois"), ("Inés", "ines"), ("Joaquín", "joaquin"), ("Lucía", "lucia"), ("Thaís", "thais"),
            ("João", "joao"), ("Élodie", "elodie"), ("Chloé", "chloe"), ("Mateo", "mateo"), ("Niccolò", "niccolo"), ("Giulia", "giulia")],
        last: &[("García", "garcia"), ("Núñez", "nunez"), ("Lefèvre", "lefevre"), ("Gonçalves", "goncalves"), ("Rossi", "rossi"),
            ("Bélanger", "belanger"), ("Martín", "martin"), ("de la Cruz", "delacruz"), ("D'Angelo", "dangelo"), ("Conceição", "conceicao"),
            ("Moreau", "moreau"), ("Ibáñez", "ibanez")],
    },
    Culture {
        first: &[("Łukasz", "lukasz"), ("Małgorzata", "malgorzata"), ("Božena", "bozena"), ("Jiří", "jiri"), ("Željko", "zeljko"),
            ("Zsófia", "zsofia"), ("Ștefan", "stefan"), ("Agnieszka", "agnieszka"), ("Dobroslav", "dobroslav"), ("Ieva", "ieva")],
        last: &[("Wójcik", "wojcik"), ("Dvořák", "dvorak"), ("Kovačević", "kovacevic"), ("Szűcs", "szucs"), ("Țepeș", "tepes"),
            ("Błaszczyk", "blaszczyk"), ("Novák", "novak"), ("Ozoliņš", "ozolins"), ("Horváth", "horvath"), ("Zając", "zajac")],
    },
    Culture {
        first: &[("Юлия", "yuliya"), ("Дмитро", "dmytro"), ("Наталія", "nataliia"), ("Иван", "ivan"), ("Ђорђе", "djordje"), ("Светлана", "svetlana"),
            ("Олексій", "oleksii"), ("Мария", "maria"), ("Борис", "boris"), ("Ольга", "olga")],
        last: &[("Шевченко", "shevchenko"), ("Коваленко", "kovalenko"), ("Бондаренко", "bondarenko"), ("Петровић", "petrovic"), ("Ковальчук", "kovalchuk"),
            ("Димитров", "dimitrov"), ("Мельник", "melnyk"), ("Ткаченко", "tkachenko"), ("Ильин", "ilyin"), ("Стоянов", "stoyanov")],
    },
    Culture {
        first: &[("Ελένη", "eleni"), ("Γιώργος", "giorgos"), ("Κατερίνα", "katerina"), ("Νίκος", "nikos"), ("Σοφία", "sofia"), ("Δημήτρης", "dimitris")],
        last: &[("Παπαδόπουλος", "papadopoulos"), ("Νικολάου", "nikolaou"), ("Γεωργίου", "georgiou"), ("Αντωνίου", "antoniou"), ("Μακρής", "makris"),
            ("Οικονόμου", "oikonomou")],
    },
    Culture {
        first: &[("伟", "wei"), ("秀英", "xiuying"), ("芳", "fang"), ("磊", "lei"), ("丽", "li"), ("建国", "jianguo"), ("小红", "xiaohong"), ("子涵", "zihan")],
        last: &[("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("欧阳", "ouyang"), ("黄", "huang"), ("周", "zhou")],
    },
    Culture {
        first: &[("さくら", "sakura"), ("陽翔", "haruto"), ("結衣", "yui"), ("健太", "kenta"), ("ユミ", "yumi"), ("蓮", "ren"), ("지민", "jimin"), ("서연", "seoyeon")],
        last: &[("佐藤", "sato"), ("鈴木", "suzuki"), ("高橋", "takahashi"), ("渡辺", "watanabe"), ("山本", "yamamoto"), ("김", "kim"), ("박", "park"), ("최", "choi")],
    },
    Culture {
        first: &[("فاطمة", "fatima"), ("محمد", "mohammed"), ("ليلى", "layla"), ("يوسف", "youssef"), ("مريم", "maryam"), ("נועה", "noa"), ("דוד", "david"), ("Ayşe", "ayse"), ("İbrahim", "ibrahim")],
        last: &[("الحسن", "alhassan"), ("منصور", "mansour"), ("حداد", "haddad"), ("خوري", "khoury"), ("כהן", "cohen"), ("לוי", "levi"), ("Yılmaz", "yilmaz"), ("Çelik", "celik")],
    },
    Culture {
        first: &[("आराध्या", "aaradhya"), ("विवान", "vivaan"), ("अनन्या", "ananya"), ("अर्जुन", "arjun"), ("Chidi", "chidi"), ("Nguyệt", "nguyet"), ("Kwame", "kwame"), ("Amina", "amina"), ("สมชาย", "somchai")],
        last: &[("शर्मा", "sharma"), ("पटेल", "patel"), ("सिंह", "singh"), ("Okafor", "okafor"), ("Nguyễn", "nguyen"), ("Mensah", "mensah"), ("Diallo", "diallo"), ("Trần", "tran"), ("ใจดี", "jaidee")],
    },
];

/// An organization's name combines one of each.
#[rustfmt::skip]
pub const ORGANIZATION_FIRST: [(&str, &str); 40] = [
    ("Aurora", "aurora"), ("Nordlicht", "nordlicht"), ("Étoile", "etoile"), ("Blue Harbour", "blueharbour"), ("Sakura", "sakura"),
    ("Café", "cafe"), ("Łąka", "laka"), ("Kestrel", "kestrel"), ("Fjord", "fjord"), ("Monsun", "monsun"),
    ("Copper", "copper"), ("Zenith", "zenith"), ("Mühlbach", "muehlbach"), ("São Bento", "saobento"), ("Granite", "granite"),
    ("Willow", "willow"), ("Αιγαίο", "aegean"), ("Orchid", "orchid"), ("Саян", "sayan"), ("Lantern", "lantern"),
    ("Juniper", "juniper"), ("Cobalt", "cobalt"), ("Ñandú", "nandu"), ("Maple", "maple"), ("銀河", "ginga"),
    ("Tundra", "tundra"), ("Saffron", "saffron"), ("Delta", "delta"), ("Heron", "heron"), ("Bernstein", "bernstein"),
    ("Quartz", "quartz"), ("Meridian", "meridian"), ("Çınar", "cinar"), ("Savanna", "savanna"), ("Pinnacle", "pinnacle"),
    ("Oasis", "oasis"), ("Rowan", "rowan"), ("Estuary", "estuary"), ("Polaris", "polaris"), ("Terra", "terra"),
];
#[rustfmt::skip]
pub const ORGANIZATION_LAST: [(&str, &str); 32] = [
    ("Energy", "energy"), ("Logistics", "logistics"), ("Health", "health"), ("Robotics", "robotics"), ("Foods", "foods"),
    ("Insurance", "insurance"), ("Maschinenbau GmbH", "maschinenbau"), ("Analytics", "analytics"), ("Shipping", "shipping"), ("Press", "press"),
    ("University", "university"), ("Textiles", "textiles"), ("Labs", "labs"), ("Bank", "bank"), ("Rail", "rail"),
    ("Optics", "optics"), ("Pharma", "pharma"), ("Games", "games"), ("Travel", "travel"), ("Cooperative", "coop"),
    ("Telecom", "telecom"), ("Architects", "architects"), ("Farms", "farms"), ("Studios", "studios"), ("Legal", "legal"),
    ("Mobility", "mobility"), ("Water", "water"), ("Steel", "steel"), ("Retail", "retail"), ("Aerospace", "aerospace"),
    ("Clinics", "clinics"), ("Foundation", "foundation"),
];

/// A tenant is an office or a department.
#[rustfmt::skip]
pub const TENANTS: [(&str, &str); 44] = [
    ("Headquarters", "headquarters"), ("Berlin", "berlin"), ("Sales", "sales"), ("Engineering", "engineering"), ("São Paulo", "saopaulo"),
    ("東京", "tokyo"), ("Support", "support"), ("Łódź", "lodz"), ("Finance", "finance"), ("Zürich", "zuerich"),
    ("Research", "research"), ("Αθήνα", "athens"), ("Marketing", "marketing"), ("Київ", "kyiv"), ("Operations", "operations"),
    ("Lagos", "lagos"), ("Montréal", "montreal"), ("People", "people"), ("القاهرة", "cairo"), ("Legal", "legal"),
    ("Mumbai", "mumbai"), ("서울", "seoul"), ("Data", "data"), ("Kraków", "krakow"), ("Security", "security"),
    ("Nairobi", "nairobi"), ("Procurement", "procurement"), ("Málaga", "malaga"), ("Quality", "quality"), ("İstanbul", "istanbul"),
    ("Design", "design"), ("Oslo", "oslo"), ("Training", "training"), ("Hà Nội", "hanoi"), ("Facilities", "facilities"),
    ("Boston", "boston"), ("Labelling", "labelling"), ("上海", "shanghai"), ("Field Service", "fieldservice"), ("Reykjavík", "reykjavik"),
    ("Partners", "partners"), ("Melbourne", "melbourne"), ("Toronto", "toronto"), ("Porto", "porto"),
];

/// What programs do, used as their names.
#[rustfmt::skip]
pub const PROGRAMS: [(&str, &str); 12] = [
    ("Nightly backup", "backup"), ("Data export", "export"), ("HR sync", "hr-sync"), ("Build agent", "build"), ("Monitoring", "monitoring"),
    ("Report mailer", "reports"), ("Import", "import"), ("Label queue", "label-queue"), ("Billing", "billing"), ("Search index", "search-index"),
    ("Archive", "archive"), ("Dashboard", "dashboard"),
];
