"""Small TUSS tables whose texts the TISS standard publishes only as remarks in its schema (TISS 4.03.00)."""

from typing import Final

COUNCILS: Final = {
    "01": "Conselho Regional de Serviço Social (CRESS)",
    "02": "Conselho Regional de Enfermagem (COREN)",
    "03": "Conselho Regional de Farmácia (CRF)",
    "04": "Conselho Regional de Fonoaudiologia (CRFA)",
    "05": "Conselho Regional de Fisioterapia e Terapia Ocupacional (CREFITO)",
    "06": "Conselho Regional de Medicina (CRM)",
    "07": "Conselho Regional de Nutrição (CRN)",
    "08": "Conselho Regional de Odontologia (CRO)",
    "09": "Conselho Regional de Psicologia (CRP)",
    "10": "Outros Conselhos",
    "11": "Conselho Regional de Biologia (CRBio)",
    "12": "Conselho Regional de Biomedicina (CRBM)",
    "13": "Conselho Regional de Educação Física (CREF)",
    "14": "Conselho Regional de Medicina Veterinária (CRMV)",
    "15": "Conselho Regional de Técnicos em Radiologia (CRTR)",
}
"""Table 26, professional councils."""
STATES: Final = {
    "11": "Rondônia (RO)",
    "12": "Acre (AC)",
    "13": "Amazonas (AM)",
    "14": "Roraima (RR)",
    "15": "Pará (PA)",
    "16": "Amapá (AP)",
    "17": "Tocantins (TO)",
    "21": "Maranhão (MA)",
    "22": "Piauí (PI)",
    "23": "Ceará (CE)",
    "24": "Rio Grande do Norte (RN)",
    "25": "Paraíba (PB)",
    "26": "Pernambuco (PE)",
    "27": "Alagoas (AL)",
    "28": "Sergipe (SE)",
    "29": "Bahia (BA)",
    "31": "Minas Gerais (MG)",
    "32": "Espírito Santo (ES)",
    "33": "Rio de Janeiro (RJ)",
    "35": "São Paulo (SP)",
    "41": "Paraná (PR)",
    "42": "Santa Catarina (SC)",
    "43": "Rio Grande do Sul (RS)",
    "50": "Mato Grosso do Sul (MS)",
    "51": "Mato Grosso (MT)",
    "52": "Goiás (GO)",
    "53": "Distrito Federal (DF)",
    "98": "Países Estrangeiros (EX)",
}
"""Table 59, federative units."""
EXPENSES: Final = {
    "01": "Gases medicinais",
    "02": "Medicamentos",
    "03": "Materiais",
    "05": "Diárias",
    "07": "Taxas e aluguéis",
    "08": "OPME",
}
"""Table 25, kinds of expense."""
PARTICIPATIONS: Final = {
    "00": "Cirurgião",
    "01": "Primeiro auxiliar",
    "02": "Segundo auxiliar",
    "03": "Terceiro auxiliar",
    "04": "Quarto auxiliar",
    "05": "Instrumentador",
    "06": "Anestesista",
    "07": "Auxiliar de anestesista",
    "08": "Consultor",
    "09": "Perfusionista",
    "10": "Pediatra na sala de parto",
    "11": "Auxiliar SADT",
    "12": "Clínico",
    "13": "Intensivista",
}
"""Table 35, degrees of participation in a team."""
TECHNIQUES: Final = {"1": "Convencional", "2": "Videolaparoscopia", "3": "Robótica"}
"""Table 48, techniques of a procedure."""
BILLING_TYPES: Final = {"1": "Parcial", "2": "Final", "3": "Complementar", "4": "Total"}
"""Table 55, kinds of billing of a stay."""
ROUTES: Final = {"1": "Única", "2": "Mesma via", "3": "Diferentes vias"}
"""Table 61, access routes of several procedures."""
DENTAL_BILLING_TYPES: Final = {"1": "Parcial", "4": "Total"}
"""Table 49, kinds of billing of a dental treatment."""
DENTAL_ENCOUNTERS: Final = {
    "1": "Tratamento odontológico",
    "2": "Exame radiológico",
    "3": "Ortodontia",
    "4": "Urgência/emergência",
    "5": "Auditoria",
}
"""Table 51, types of dental encounters."""
NAMED_BY_CODE: Final = {"28": ("dm_dente", "Dente")}
"""Teeth in the notation of two digits (ISO 3950): the schema has their codes only."""
NAMED_BY_REMARKS: Final = {"42": "dm_regiao"}
"""Regions of the mouth: too many to repeat here, the schema's own remarks are read."""
LISTED: Final = {
    "49": DENTAL_BILLING_TYPES,
    "51": DENTAL_ENCOUNTERS,
    "25": EXPENSES,
    "26": COUNCILS,
    "35": PARTICIPATIONS,
    "48": TECHNIQUES,
    "55": BILLING_TYPES,
    "59": STATES,
    "61": ROUTES,
}
"""All of them, by table."""
TABLES: Final = {
    "18": "daily rates and fees",
    "19": "materials",
    "20": "medicines",
    "22": "procedures",
    "23": "priorities",
    "24": "occupations (CBO)",
    "25": "kinds of expense",
    "26": "councils",
    "28": "teeth",
    "35": "degrees of participation",
    "36": "accidents",
    "38": "denial reasons",
    "39": "reasons of discharge",
    "41": "regimes of admission",
    "42": "regions of the mouth",
    "48": "techniques",
    "49": "dental billing types",
    "50": "types of encounter",
    "51": "types of dental encounter",
    "52": "visit types",
    "55": "billing types",
    "57": "types of admission",
    "59": "states",
    "60": "units of measure",
    "61": "access routes",
    "76": "settings",
    "77": "occupational health",
}
"""What is in each table of which terms are loaded."""
