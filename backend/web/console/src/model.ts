// Shapes of /api/staff/v1, as generated from the server's route table (`make types`), under the names the views use.
import type { components } from '@hospital/kit'

type Schemas = components['schemas']

/** The server's `Page[...]`, whatever stands in it. */
export type Page<T> = Omit<Schemas['Page_StaffView_'], 'items'> & { items: T[] }

export type Permission = Schemas['Permission']
export type StaffRole = Schemas['StaffRole']
export type LogIn = Schemas['BeginSession']
export type SessionAnswer = Schemas['SessionAnswer']

// The queue

export type Priority = Schemas['TicketPriority']
export type Sex = Schemas['Sex']
export type Room = Schemas['RoomView']
export type QueueRow = Schemas['QueueRow']
export type DoctorQueue = Schemas['DoctorQueueView']

// Patients

export type DocumentKind = Schemas['DocumentKind']
export type TemporaryReason = Schemas['TemporaryReason']
export type AllergySeverity = Schemas['AllergySeverity']
export type Allergy = Schemas['AllergyView']
export type Patient = Schemas['PatientView']
export type RegisterPatient = Schemas['RegisterPatient']
export type MergePatients = Schemas['MergePatients']
export type UnmergePatients = Schemas['UnmergePatients']
export type Verdict = Schemas['BreakGlassVerdict']
export type BreakGlass = Schemas['BreakGlassView']
/** An account that says it may act for a patient, as the patient is asked about it at the desk. */
export type LinkedAccount = Schemas['LinkedAccount']
export type Relation = Schemas['Relation']

// The registration window

export type Schedule = Schemas['ScheduleView']
export type ServiceKind = Schemas['ServiceKind']
export type WalkIn = Schemas['WalkIn']
export type WalkInTicket = Schemas['WalkInTicketView']

// Planning

/** What was done to a session, and how its patients stand. */
export type ClinicChange = Schemas['ClinicChangeView']
export type StopClinic = Schemas['StopClinic']
export type BookingRule = Schemas['RuleView']
export type RuleScope = Schemas['RuleScope']
export type SetRule = Schemas['SetRule']
export type ClearRule = Schemas['ClearRule']
export type DayPeriod = Schemas['DayPeriod']
export type Pool = Schemas['Pool']
export type Template = Schemas['TemplateView']
export type SaveTemplate = Schemas['SaveTemplate']
export type CalendarDay = Schemas['CalendarDayView']
export type CalendarDayKind = Schemas['CalendarDayKind']
export type SaveCalendarDay = Schemas['SaveCalendarDay']
export type ReleaseDay = Schemas['ReleaseDayView']
export type GenerationProblem = Schemas['GenerationProblemView']
export type GenerationTrouble = Schemas['GenerationTrouble']

// Waiting and being barred

export type WaitlistEntry = Schemas['WaitlistEntryView']
export type WaitlistStatus = Schemas['WaitlistStatus']
export type Ban = Schemas['BanView']
export type BanKind = Schemas['BanKind']

// The day in figures

export type Board = Schemas['DayBoardView']
export type PaymentChannel = Schemas['PaymentChannel']

// The house

export type Profession = Schemas['Profession']
export type HireStaff = Schemas['HireStaff']
export type OpenStaffAccount = Schemas['OpenStaffAccount']
export type Staff = Schemas['StaffView']
export type Totp = Schemas['TotpEnrolment']
export type Campus = Schemas['CampusView']
export type DepartmentKind = Schemas['DepartmentKind']
export type LocationKind = Schemas['LocationKind']
export type Department = Schemas['DepartmentView']
export type Place = Schemas['LocationView']
export type SaveDepartment = Schemas['SaveDepartment']
export type SavePlace = Schemas['SaveLocation']
export type DeviceKind = Schemas['DeviceKind']
export type DeviceStatus = Schemas['DeviceStatus']
export type Device = Schemas['DeviceView']
export type CreateEnrolment = Schemas['CreateEnrolment']
export type PairDevice = Schemas['PairDevice']
export type EnrolmentCode = Schemas['EnrolmentCode']
/** Prices are decimal yuan as text: they have up to four places. */
export type FeeCategory = Schemas['FeeCategory']
export type PriceItem = Schemas['PriceItemView']
export type SavePriceItem = Schemas['SavePriceItem']
export type ChangePrice = Schemas['ChangePrice']
export type PricePeriod = Schemas['PricePeriod']
export type Concept = Schemas['ConceptView']
export type ActorKind = Schemas['ActorKind']
export type AuditLine = Schemas['NamedAuditLine']
export type Parked = Schemas['ParkedDelivery']
export type SentMessage = Schemas['SentMessage']

// The patient's file

export type RecognisedPatient = Schemas['RecognisedPatient']
export type RecordAllergy = Schemas['RecordAllergy']
export type CompleteTemporaryFile = Schemas['CompleteTemporaryFile']
export type MergedFile = Schemas['MergedFile']

// Work that waits for a person

export type Duplicate = Schemas['DuplicateView']
export type MatchReason = Schemas['MatchReason']
export type TroubledRefund = Schemas['RefundForAPerson']
export type Mismatch = Schemas['MismatchForAPerson']
export type MismatchKind = Schemas['MismatchKind']
export type MismatchChecked = Schemas['MismatchChecked']
export type TradeState = Schemas['TradeState']
export type CodeSystem = Schemas['CodeSystemView']
export type ChangeOwnPassword = Schemas['ChangeOwnPassword']

// The window's shift

export type OpenShift = Schemas['OpenShift']
export type CloseShift = Omit<Schemas['CloseShift'], 'notes'>
export type NoteCount = Schemas['NoteCount']
export type Shift = Schemas['ShiftView']
export type ShiftReport = Schemas['ShiftReportView']
export type Drawer = Schemas['DrawerView']

// Paying at the window

export type OpenCharges = Schemas['OpenChargesView']
export type ChargeGroup = Schemas['OpenChargeGroup']
export type ChargeItem = Schemas['ChargeItemView']
export type VisitLabel = Schemas['VisitLabel']
export type Appointment = Schemas['AppointmentView']
export type Invoice = Schemas['InvoiceView']
export type BillBrief = Schemas['BillBrief']
export type BillMoney = Schemas['InvoiceMoneyView']
export type Payment = Schemas['PaymentIntentView']
export type CodeToScan = Schemas['CodeToScanView']
export type BillOpenCharges = Schemas['BillOpenCharges']
export type TakeCash = Schemas['TakeCash']
export type PayWithCard = Schemas['PayWithCard']
export type RecordTender = Schemas['RecordTender']
export type ChargeCode = Schemas['ChargeCode']
export type ShowCode = Schemas['ShowCode']
export type TakeCashTopUp = Schemas['TakeCashTopUp']
export type RecordTopUp = Schemas['RecordTopUp']
export type ChargeTopUp = Schemas['ChargeTopUp']
export type CardAtWindow = Schemas['CardAtWindow']
export type RefundCardAtCounter = Schemas['RefundCardAtCounter']
export type Receipt = Schemas['ReceiptView']
export type ReceiptKind = Schemas['ReceiptKind']
export type SeriesReceipt = Schemas['SeriesReceipt']
export type SeriesReport = Schemas['SeriesReportView']

// Giving back at the window

export type Refund = Schemas['RefundView']
export type RefundStatus = Schemas['RefundStatus']
export type Refunds = Schemas['RefundsView']
export type RefundPreview = Schemas['RefundPreview']
export type RefundLineWanted = Schemas['RefundLineWanted']
export type RefundAtCounter = Schemas['RefundAtCounter']
export type RefundToPayOut = Schemas['RefundToPayOut']
export type RedirectRefund = Schemas['RedirectRefund']
export type Arrival = Schemas['Arrival']

// The end of the day

export type DayReport = Schemas['DayReportView']
export type AccountingDays = Schemas['AccountingDaysView']
export type ClosedDay = Schemas['ClosedDayBrief']
export type TakingsRow = Schemas['TakingsRow']
export type SeriesRow = Schemas['SeriesRow']
export type AccountDay = Schemas['AccountDay']
export type LedgerAccount = Schemas['LedgerAccount']
export type CorrectableJournal = Schemas['CorrectableJournal']
export type JournalKind = Schemas['JournalKind']
