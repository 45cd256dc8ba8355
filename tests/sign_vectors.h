/* sign_vectors.h - keys and signatures that ssh-keygen (OpenSSH 9.2) and minisign 0.11 made; the keys are for these tests alone.
 *
 *   ssh-keygen -q -t ed25519 -N "" -C "fox test" -f id; ... -C other -f other; ... -N secret -C locked -f locked
 *   ssh-keygen -q -t rsa -b 2048 -N "" -C rsa -f rsa
 *   printf "hello\\n" >msg
 *   ssh-keygen -Y sign -n fox -f id msg                         msg.sha512; with -O hashalg=sha256: msg.sha256
 *   ssh-keygen -Y sign -n file -f id msg; ... -n fox -f rsa msg
 *   minisign -G -W -p ms.pub -s ms.key
 *   minisign -S -W -s ms.key -m msg -t "timestamp:1 hello"; with -l and -t legacy: the other algorithm */
#ifndef FOX_SIGN_VECTORS_H
#define FOX_SIGN_VECTORS_H

#define MESSAGE "hello\n"

static const char ID_PRIVATE[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACDs0GkwogFfwzAl13NROC123MIZkMGLt/vDyksMtZRCuwAAAJA5VboTOVW6\n"
    "EwAAAAtzc2gtZWQyNTUxOQAAACDs0GkwogFfwzAl13NROC123MIZkMGLt/vDyksMtZRCuw\n"
    "AAAECFQw8b01cRyCp+guS6SEfMNyrGg3gzCHHhMbTA8rHzvezQaTCiAV/DMCXXc1E4LXbc\n"
    "whmQwYu3+8PKSwy1lEK7AAAACGZveCB0ZXN0AQIDBAU=\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

static const char ID_PUBLIC[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOzQaTCiAV/DMCXXc1E4LXbcwhmQwYu3+8PKSwy1lEK7 fox test\n";

static const char OTHER_PUBLIC[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGBKUMu7q891MzL6MQy4d5CNfjI+yHurjIbxxiSyvwU other\n";

static const char LOCKED_PRIVATE[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABATi6wr/w\n"
    "htSnApzhzDZ9oXAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIGoPWTcWfl7Zevzz\n"
    "wQKdOpJ0WhM5cqM0cVZ0MgW+YcZFAAAAkIXqSjAwEoYuLUPCQvOk+riExOgaf6hnV9hgx8\n"
    "tiJ/V4AB/pC2XThO14XnXENm9K66SZiZpKDDTSeXFHNJaU7edJ4f0P7G0hsbix26sS/uKl\n"
    "+eSi3PbNUPcOJ20oYSgWfDFV7cU3QRTQULfmLWsrc+laFUg8QH5COPt4k+YSHTio+Lsoop\n"
    "McRff4mQZmHVHz2w==\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

static const char RSA_PUBLIC[] =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDT4TL/Gi9Ru6dVGl861YOW/cvsvxQ7441Mn+5CJoQFrWJTSNBMZ72QYT06vxTabOqoFKiaE0j2Av9sfO39sOcKNygygOJs9M5h0vuiBO1AlRJzZkoK8y/fqCGU+NINu22QG3lSqyQg1kcclU4jMd7FjaP5reB1yZa65rh3tra2kpPGMMdywOYFdUfJ2tcCSYrauOk8skJrUmsLkK8K16pnALVwAXaDsHg6Q5WdupstynLfq5FBsZSRUWcUeE8fRJo8fxEWC0ZimeCeBpwuD9Nj7Lg1Jcw6MO+qadS5Dyaa5aWT+3ewoeFxdn+L0wJo2JCCgqo1RlET6OgWZiaEIa5J rsa\n";

static const char SIG_SHA512[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg7NBpMKIBX8MwJddzUTgtdtzCGZ\n"
    "DBi7f7w8pLDLWUQrsAAAADZm94AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5\n"
    "AAAAQDfIth/fIejNE4qCR3SBgJDYtjUvXOGgU6Bq2ojW7UEKpey8gLujbkKBOd8PpTFnc4\n"
    "JohubJO82xxMtJAPwv3AM=\n"
    "-----END SSH SIGNATURE-----\n";

static const char SIG_SHA256[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg7NBpMKIBX8MwJddzUTgtdtzCGZ\n"
    "DBi7f7w8pLDLWUQrsAAAADZm94AAAAAAAAAAZzaGEyNTYAAABTAAAAC3NzaC1lZDI1NTE5\n"
    "AAAAQJfqILKtBNQNz4isQt8BaA3P9zAq60okn+Q3jPS7WlmelPRZwUKQgbzseHSopRzwBc\n"
    "6TZvG77qM7BP6SmuqtNws=\n"
    "-----END SSH SIGNATURE-----\n";

static const char SIG_FILE[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg7NBpMKIBX8MwJddzUTgtdtzCGZ\n"
    "DBi7f7w8pLDLWUQrsAAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx\n"
    "OQAAAECZUTSqfyvHOCjNOnqCgLlACYQ1QHDQKw6inM3Q39DkDTQRhY2DA/CeIk30R17oY6\n"
    "LZJ5Y39hXUE/1jcmkgGAYM\n"
    "-----END SSH SIGNATURE-----\n";

static const char SIG_RSA[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBANPhMv8aL1G7p1UaXzrVg5\n"
    "b9y+y/FDvjjUyf7kImhAWtYlNI0ExnvZBhPTq/FNps6qgUqJoTSPYC/2x87f2w5wo3KDKA\n"
    "4mz0zmHS+6IE7UCVEnNmSgrzL9+oIZT40g27bZAbeVKrJCDWRxyVTiMx3sWNo/mt4HXJlr\n"
    "rmuHe2traSk8Ywx3LA5gV1R8na1wJJitq46TyyQmtSawuQrwrXqmcAtXABdoOweDpDlZ26\n"
    "my3Kct+rkUGxlJFRZxR4Tx9Emjx/ERYLRmKZ4J4GnC4P02PsuDUlzDow76pp1LkPJprlpZ\n"
    "P7d7Ch4XF2f4vTAmjYkIKCqjVGURPo6BZmJoQhrkkAAAADZm94AAAAAAAAAAZzaGE1MTIA\n"
    "AAEUAAAADHJzYS1zaGEyLTUxMgAAAQAC2xBBnjGaf41lTERtJJPaI7ixtMMCEMsT3OnarV\n"
    "czzEClKIe+ZFBCLsM16FkbVgYCNqAjjLbzGQ3kg+bXkzjmHGQbFBou4ylfSqPH2wmJQRzh\n"
    "s8ESnChzWOSMkS4eNumYOMxRx0hbRlErQB2ssogoMc4WwElp8c1eupJtzYkV1E8l/pYx+1\n"
    "47y2iScXOMuidasU4CpNhGHQ2m8+g/YGzwrrRcWH1VgNTlfm08Z0/yg/6C0JX3Nh1ixyxh\n"
    "7vXWL8dF69ipr8hdaIlU5O6vCe24niZ8Y84Bq+7vCfBW9+VJesz74ni6Jp0xt1VcCFT9fi\n"
    "m9ghOjtx0b21wbJeb+U/jp\n"
    "-----END SSH SIGNATURE-----\n";

static const char MINI_PUBLIC[] =
    "untrusted comment: minisign public key 82297F8366A7495B\n"
    "RWRbSadmg38pglWIeLzLjLFMI7zcOzjEZOOsx5E2oMeoksfs54eBoeCt\n";

static const char MINI_SIG[] =
    "untrusted comment: signature from minisign secret key\n"
    "RURbSadmg38pguJlWwvyI+glObNRilbPt8kBnQPq3ERVcSNy2OGiCQ36eiF0Rg3dF7UopfhFzziDvNZChhuNtu9cIf9kYwkJ8ws=\n"
    "trusted comment: timestamp:1 hello\n"
    "DOQsyelwEX2FUQJCPKbXtXtQitaUVce8ON8ebWbHabZwXd+ANSnNgzVyV0G6JlI0udXiljnSbstC15xTeQ0ICA==\n";

static const char MINI_LEGACY[] =
    "untrusted comment: signature from minisign secret key\n"
    "RWRbSadmg38pgswxbp24tDWqCikTgr/ZEfcsnwq3woovavhbDpEYUVMRFvbJ5e8J+DivMgGtAkgtFqsIE8d8F/xCDgYaUIl5kAs=\n"
    "trusted comment: legacy\n"
    "i6USP51/Kr4vP0yen7AMtDeVMSebOCf4EBP0gtzB5qCG4erCKy35y0d5b2GbqFbH5vZyaWowkjWQSZgiRRfADA==\n";

#endif
