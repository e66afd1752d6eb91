# Makes somebody's password years old, which no LDAP client may: age_password.py SMB.CONF DN
import sys

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

configuration = LoadParm()
configuration.load(sys.argv[1])
database = SamDB(session_info=system_session(), lp=configuration)
change = ldb.Message(ldb.Dn(database, sys.argv[2]))
# In 100 ns since 1601: 2019.
change["pwdLastSet"] = ldb.MessageElement("132000000000000000", ldb.FLAG_MOD_REPLACE, "pwdLastSet")
database.modify(change, controls=[f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0"])
