/**
 * Domains whose addresses anybody can have: they name no company. Registrable domains, so that subdomains that providers
 * give to their customers (`xx.ocn.ne.jp`) are meant as well. Compiled by hand, November 2026, from the address forms that
 * mail services, carriers and internet providers publish for their customers; a rulebook adds to it and takes from it.
 */
const lists = {
  freeMail: `
    gmail.com googlemail.com outlook.com outlook.jp hotmail.com hotmail.co.jp hotmail.co.uk hotmail.fr hotmail.de live.com live.jp
    msn.com passport.com icloud.com me.com mac.com aol.com aol.jp yahoo.com yahoo.co.jp yahoo.ne.jp ymail.com ymail.ne.jp rocketmail.com
    yahoo.co.uk yahoo.fr yahoo.de yahoo.co.in yahoo.com.tw yahoo.com.hk proton.me protonmail.com pm.me tutanota.com tuta.io fastmail.com
    hushmail.com hey.com duck.com gmx.com gmx.net gmx.de web.de t-online.de freenet.de mail.com email.com zoho.com zohomail.com yandex.com
    yandex.ru mail.ru bk.ru inbox.ru list.ru qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com naver.com
    daum.net hanmail.net nate.com kakao.com rediffmail.com orange.fr free.fr laposte.net sfr.fr wanadoo.fr libero.it comcast.net
    verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net btinternet.com
    excite.co.jp infoseek.jp goo.jp goo.ne.jp livedoor.com rakuten.jp inter7.jp kitty.jp inbox.lv hotmail.it`,
  carriers: `
    docomo.ne.jp ezweb.ne.jp au.com uqmobile.jp softbank.ne.jp softbank.jp vodafone.ne.jp disney.ne.jp disneymobile.ne.jp ymobile.ne.jp
    ymobile1.ne.jp y-mobile.ne.jp emobile.ne.jp emnet.ne.jp wcm.ne.jp willcom.com pdx.ne.jp rakumail.jp bandai.jp mineo.jp`,
  providers: `
    ocn.ne.jp plala.or.jp nifty.com nifty.ne.jp biglobe.ne.jp so-net.ne.jp dion.ne.jp auone-net.jp odn.ne.jp odn.ad.jp bbtec.net
    eonet.ne.jp zaq.ne.jp zaq.jp home.ne.jp jcom.ne.jp asahi-net.or.jp hi-ho.ne.jp tiki.ne.jp wakwak.com sannet.ne.jp dti.ne.jp
    dream.jp ybb.ne.jp iij4u.or.jp bekkoame.ne.jp interq.or.jp interlink.or.jp rim.or.jp highway.ne.jp infoweb.ne.jp justnet.ne.jp
    commufa.jp mediatti.net katch.ne.jp starcat.ne.jp itscom.net itscom.jp catv.ne.jp cnc.jp ctb.ne.jp ctk.ne.jp ccnw.ne.jp ccnet-ai.ne.jp
    tcat.ne.jp tcn-catv.ne.jp t-net.ne.jp cablenet.ne.jp megaegg.ne.jp enecom.ne.jp pikara.ne.jp bbiq.jp nns.ne.jp aitai.ne.jp
    tees.ne.jp gctv.ne.jp mctv.ne.jp ztv.ne.jp kcn.jp kcn.ne.jp baynet.ne.jp rmc.ne.jp icn-tv.ne.jp valley.ne.jp
    avis.ne.jp janis.or.jp goo-net.ne.jp netyou.jp jp-t.ne.jp synapse.ne.jp coralnet.or.jp nsk.ne.jp ii-okinawa.ne.jp`,
} as const;

export const personalDomains: ReadonlySet<string> = new Set(
  Object.values(lists).flatMap((list) => list.trim().split(/\s+/)),
);
