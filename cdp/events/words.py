"""What events and their fields are called in the reader's language; what nobody named is called as it came.

Events are named as in the specifications that SDKs follow, which English readers know; so only Korean has words of its own
for them. What is not named here may be named by a shipped tracking plan.
"""

from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import get_language

from cdp.events.tracking.files import Plan, read, shipped_files, words_of

EVENTS = {
    "Identify": "회원 정보 수신", "Record Imported": "파일 행 가져옴", "Page Viewed": "페이지 조회", "Screen Viewed": "화면 조회",
    "Products Searched": "상품 검색", "Product List Viewed": "상품 목록 조회", "Product List Filtered": "상품 목록 필터",
    "Promotion Viewed": "프로모션 노출", "Promotion Clicked": "프로모션 클릭", "Product Clicked": "상품 클릭",
    "Product Viewed": "상품 조회", "Product Added": "장바구니 담기", "Product Removed": "장바구니에서 뺌",
    "Product Purchased": "상품 구매", "Product Returned": "상품 반품", "Product Shared": "상품 공유",
    "Product Reviewed": "상품 후기 작성", "Product Added to Wishlist": "찜하기", "Product Removed from Wishlist": "찜 해제",
    "Wishlist Product Added to Cart": "찜한 상품 장바구니 담기", "Cart Viewed": "장바구니 조회", "Cart Shared": "장바구니 공유",
    "Cart Abandoned": "장바구니 이탈", "Checkout Started": "결제 시작", "Checkout Step Viewed": "결제 단계 조회",
    "Checkout Step Completed": "결제 단계 완료", "Payment Info Entered": "결제 정보 입력", "Order Completed": "구매 완료",
    "Order Updated": "주문 변경", "Order Refunded": "환불", "Order Cancelled": "주문 취소", "Coupon Entered": "쿠폰 입력",
    "Coupon Applied": "쿠폰 적용", "Coupon Denied": "쿠폰 거절", "Coupon Removed": "쿠폰 해제", "Signed Up": "회원 가입",
    "Signed In": "로그인", "Signed Out": "로그아웃", "Application Installed": "앱 설치", "Application Opened": "앱 실행",
    "Application Backgrounded": "앱 나감", "Application Updated": "앱 업데이트", "Application Uninstalled": "앱 삭제",
    "Application Crashed": "앱 오류 종료", "Deep Link Opened": "딥링크 열기", "Push Notification Received": "푸시 수신",
    "Push Notification Tapped": "푸시 클릭", "Push Notification Bounced": "푸시 반송", "Email Assigned": "이메일 발송 대상 배정",
    "Email Delivered": "이메일 도착", "Email Opened": "이메일 열람", "Email Link Clicked": "이메일 링크 클릭",
    "Email Bounced": "이메일 반송", "Email Marked as Spam": "이메일 스팸 신고", "Email Unsubscribed": "이메일 수신 거부",
    "Call Completed": "상담 통화 종료", "NPS Answered": "NPS 응답", "CSAT Answered": "만족도(CSAT) 응답",
    "Application Started": "신청 시작", "Application Submitted": "신청 제출", "Document Uploaded": "서류 제출",
    "Document Upload Failed": "서류 제출 실패", "Review Decided": "심사 결정", "Live Chat Conversation Started": "채팅 상담 시작",
    "Live Chat Conversation Ended": "채팅 상담 종료", "Live Chat Message Sent": "채팅 메시지 보냄",
    "Live Chat Message Received": "채팅 메시지 받음", "Segment Consent Preference Updated": "동의 설정 변경",
}  # fmt: skip
# Field → English, Korean.
FIELDS = {
    "affiliation": ("Affiliation", "판매처"), "agent": ("Agent", "상담원"), "amount": ("Amount", "금액"),
    "application_no": ("Application number", "신청 번호"), "arm": ("Test group", "실험군"), "brand": ("Brand", "브랜드"),
    "call_id": ("Call", "통화"), "campaign": ("Campaign", "캠페인"), "cart_id": ("Cart", "장바구니"),
    "cashier": ("Cashier", "계산원"), "category": ("Category", "분류"), "coupon": ("Coupon", "쿠폰"),
    "currency": ("Currency", "통화 단위"), "decision": ("Decision", "결정"), "direction": ("Direction", "발신·수신"),
    "discount": ("Discount", "할인"), "document": ("Document", "서류"), "duration_s": ("Duration in seconds", "통화 시간(초)"),
    "image_url": ("Image", "이미지"), "items": ("Number of items", "품목 수"), "list_id": ("List", "목록"),
    "loyalty_id": ("Loyalty number", "멤버십 번호"), "name": ("Name", "이름"), "order_id": ("Order", "주문 번호"),
    "outcome": ("Outcome", "결과"), "path": ("Path", "경로"), "payment": ("Payment", "결제 수단"),
    "payment_method": ("Payment method", "결제 방법"), "position": ("Position", "위치"), "price": ("Price", "가격"),
    "product": ("Product", "상품"), "product_id": ("Product number", "상품 번호"), "products": ("Products", "상품 목록"),
    "promotion_id": ("Promotion", "프로모션"), "quantity": ("Quantity", "수량"), "query": ("Search words", "검색어"),
    "rating": ("Rating", "평점"), "reason": ("Reason", "사유"), "referrer": ("Referrer", "유입 경로"),
    "register": ("Register", "계산대"), "revenue": ("Revenue", "매출"), "satisfaction": ("Satisfaction", "만족도"),
    "score": ("Score", "점수"), "share_via": ("Shared by", "공유 방법"), "shipping": ("Shipping", "배송비"),
    "shipping_method": ("Shipping method", "배송 방법"), "sku": ("SKU", "SKU"), "step": ("Step", "단계"),
    "subtotal": ("Subtotal", "소계"), "survey": ("Survey", "설문"), "tax": ("Tax", "세금"), "title": ("Title", "제목"),
    "topic": ("Topic", "상담 주제"), "total": ("Total", "합계"), "url": ("Address", "주소(URL)"), "value": ("Value", "값"),
    "variant": ("Variant", "옵션"), "wishlist_id": ("Wish list", "찜 목록"),
}  # fmt: skip


def add_words(plan: Plan) -> None:
    """The titles of a plan, for what has no word yet; a word that means another name already is none."""
    for event, schema in plan.events.items():
        title = words_of(schema, "title")["ko"]
        if event not in EVENTS and title not in EVENTS.values():
            EVENTS[event] = title
    for name, english, korean in _titles(plan):
        taken = (word for words in FIELDS.values() for word in words)
        if name not in FIELDS and not {english, korean} & {*taken, *EVENTS}:
            FIELDS[name] = (english, korean)


def _titles(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for event in plan.events:
        for path, field in plan.fields(event):
            title = words_of(field, "title")
            yield path.rpartition(".")[2], title["en"], title["ko"]


for _file in shipped_files():
    add_words(read(_file.read_bytes()))


def event_word(name: str) -> str:
    """What an event is called."""
    return EVENTS.get(name, name) if in_korean() else name


def event_words(titles: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """What events are called, those of the house's own plans by their titles (by language), where a title means one."""
    words, language = {name: event_word(name) for name in EVENTS}, "ko" if in_korean() else "en"
    for event, told in titles:
        title = told[language]
        if title and event not in words and title not in {*words, *words.values()}:
            words[event] = title
    return words


def field_word(path: str) -> str:
    """What a field is called; of one within others (`products[].category`) each part, or the whole path as it is."""
    words = [FIELDS.get(part) for part in path.replace("[]", "").split(".")]
    told = [word[in_korean()] for word in words if word]
    return " › ".join(told) if len(told) == len(words) else path


def in_korean() -> bool:
    """Whether the reader reads Korean."""
    return (get_language() or "").startswith("ko")
