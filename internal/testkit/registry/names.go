package registry

// people of one language: how they are called and how they can be reached.
type people struct {
	given, family []string
	// country is the calling code, digits how many digits follow it.
	country string
	digits  int
	places  []string
	domain  string
}

// languages are those of countries that OpenG2P is used in or was made for,
// in their own scripts too: a registry that only speaks ASCII tests nothing.
func languages() []people {
	return []people{
		{
			given:   []string{"Abebe", "Almaz", "Bekele", "Chaltu", "Dawit", "Eyerusalem", "Fikirte", "Girma", "Hirut", "Kebede", "Lemlem", "Mulugeta", "Selamawit", "Tsehay", "Zewditu"},
			family:  []string{"Alemu", "Bedane", "Demissie", "Gebremariam", "Haile", "Kassahun", "Mengistu", "Negash", "Tadesse", "Wolde"},
			country: "251", digits: 9, domain: "example.et",
			places: []string{"Addis Ababa, Bole", "Adama, Kebele 04", "Bahir Dar", "Mekele", "Hawassa, Tabor"},
		},
		{
			given:   []string{"አበበ", "አልማዝ", "በቀለ", "ጫልቱ", "ዳዊት", "ፍቅርተ", "ሂሩት", "ሙሉጌታ", "ጸሐይ"},
			family:  []string{"አለሙ", "ደምሴ", "ገብረማርያም", "ኃይሌ", "መንግሥቱ", "ታደሰ"},
			country: "251", digits: 9, domain: "example.et",
			places: []string{"አዲስ አበባ፣ ቦሌ", "አዳማ፣ ቀበሌ 04", "ባሕር ዳር"},
		},
		{
			given:   []string{"Aarav", "Anjali", "Deepak", "Fatima", "Ishaan", "Kavita", "Lakshmi", "Mohammed", "Priya", "Rahul", "Sunita", "Venkatesh"},
			family:  []string{"Sharma", "Patel", "Reddy", "Khan", "Iyer", "Das", "Singh", "Nair", "Yadav", "Begum"},
			country: "91", digits: 10, domain: "example.in",
			places: []string{"Bengaluru, Jayanagar 4th Block", "Pune, Kothrud", "Patna, Ward 12", "Kochi, Fort"},
		},
		{
			given:   []string{"आरव", "अंजलि", "दीपक", "कविता", "लक्ष्मी", "सुनीता", "राहुल"},
			family:  []string{"शर्मा", "पटेल", "यादव", "सिंह", "दास"},
			country: "91", digits: 10, domain: "example.in",
			places: []string{"पटना, वार्ड 12", "जयपुर, मालवीय नगर"},
		},
		{
			given:   []string{"أحمد", "فاطمة", "محمد", "عائشة", "خالد", "مريم", "يوسف", "زينب"},
			family:  []string{"الحسن", "العلي", "إبراهيم", "عبد الرحمن", "الخطيب"},
			country: "212", digits: 9, domain: "example.ma",
			places: []string{"الدار البيضاء", "فاس، المدينة", "مراكش"},
		},
		{
			given:   []string{"José", "Maria", "João", "Ângela", "Zoë", "François", "Aïssatou", "Nguyễn", "Siobhán", "O'Neill"},
			family:  []string{"D'Souza", "Muñoz", "N'Diaye", "Traoré", "Santos", "Ó Briain", "da Silva"},
			country: "63", digits: 10, domain: "example.ph",
			places: []string{"Quezon City, Brgy. Commonwealth", "Dakar, Médina", "Cebu, Lahug"},
		},
	}
}
