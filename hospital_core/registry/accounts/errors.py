"""Refusals about accounts and their links to patients."""

from hospital_core.kernel.constraints import means
from hospital_core.kernel.errors import DomainError, Kind


class SessionEnded(DomainError):
    """The refresh token is unknown, spent, expired or revoked: sign in with WeChat again."""

    code = "accounts.session_ended"
    kind = Kind.UNAUTHENTICATED
    title = "登录已失效，请重新登录"


class AccountDisabled(DomainError):
    """The hospital has closed this account."""

    code = "accounts.disabled"
    kind = Kind.FORBIDDEN
    title = "账户已停用，请联系医院"


class LinkRefused(DomainError):
    """What was given cannot be linked. Deliberately says nothing more: the file's existence is nobody's business."""

    code = "accounts.link_refused"
    kind = Kind.INVALID
    title = "就诊人信息核对未通过，请检查后重试或到医院窗口办理"


class TooManyLinks(DomainError):
    """Five patients are linked already."""

    code = "accounts.too_many_links"
    kind = Kind.CONFLICT
    title = "最多添加 5 位就诊人"


class AlreadyLinked(DomainError):
    """The account is linked to this patient already."""

    code = "accounts.already_linked"
    kind = Kind.CONFLICT
    title = "该就诊人已添加"


class SelfAlreadyLinked(DomainError):
    """The account has somebody linked as its holder already."""

    code = "accounts.self_already_linked"
    kind = Kind.CONFLICT
    title = "已添加过本人，每个账户只能有一位本人"


class LinkedTooOften(DomainError):
    """Ten patients were linked within a day, revoked ones included. Fields: ``retry_after`` in seconds."""

    code = "accounts.linked_too_often"
    kind = Kind.TOO_MANY
    title = "今日添加就诊人次数过多，请明天再试"


class GuardianNeeded(DomainError):
    """A child is linked by a guardian: an account whose own link is of an adult."""

    code = "accounts.guardian_needed"
    kind = Kind.CONFLICT
    title = "添加未成年人前，请先添加监护人本人（须年满 18 周岁）"


class RelationNotForAge(DomainError):
    """The relation does not fit the patient's age."""

    code = "accounts.relation_not_for_age"
    kind = Kind.INVALID
    title = "所选关系与就诊人年龄不符"


class GuardianStillNeeded(DomainError):
    """The holder's own link cannot go while children are linked through it."""

    code = "accounts.guardian_still_needed"
    kind = Kind.CONFLICT
    title = "请先移除未成年就诊人，再移除本人"


class AlreadyProven(DomainError):
    """The link needs no proof any more."""

    code = "accounts.already_proven"
    kind = Kind.CONFLICT
    title = "该就诊人已完成核验"


class ProofCodeWrong(DomainError):
    """The code is wrong, expired or used."""

    code = "accounts.proof_code_wrong"
    kind = Kind.INVALID
    title = "验证码不正确或已过期"


class TooManyProofCodes(DomainError):
    """Three codes were asked for within an hour. Fields: ``retry_after`` in seconds."""

    code = "accounts.too_many_proof_codes"
    kind = Kind.TOO_MANY
    title = "验证码发送过于频繁，请稍后再试"


class IdentityCodeInvalid(DomainError):
    """The code is not ours, was altered, is of another kind, or its patient was removed from the account."""

    code = "accounts.identity_code_invalid"
    kind = Kind.INVALID
    title = "就诊码无效，请在手机上重新打开“就诊码”"


class IdentityCodeExpired(DomainError):
    """The code's minute has passed."""

    code = "accounts.identity_code_expired"
    kind = Kind.INVALID
    title = "就诊码已过期，请在手机上刷新后再扫"


class IdentityCodeUsed(DomainError):
    """A code works once."""

    code = "accounts.identity_code_used"
    kind = Kind.CONFLICT
    title = "就诊码已使用过，请在手机上刷新后再扫"


class LinkUnproven(DomainError):
    """Nobody has proven yet that this patient agrees to this account: where no person looks, that is not enough."""

    code = "accounts.link_unproven"
    kind = Kind.CONFLICT
    title = "该就诊人尚未核验，请刷身份证办理"


means("link_at_most_five", TooManyLinks)
means("link_once", AlreadyLinked)
means("link_one_self", SelfAlreadyLinked)
