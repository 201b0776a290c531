# Another program's Modbus server, with registers that follow from unit and address: `pymodbus_server.py tcp|rtu+tcp PORT`, or `rtu|ascii DEVICE`.
import sys
from pymodbus.server import StartTcpServer, StartSerialServer
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusSlaveContext, ModbusServerContext
from pymodbus.transaction import ModbusRtuFramer, ModbusAsciiFramer, ModbusSocketFramer
if sys.argv[1] == "check":
    sys.exit(0)  # what is imported above is there
kind, where = sys.argv[1], sys.argv[2]
words = lambda n: [(i * 7919 + n) & 0xFFFF for i in range(200)]
slaves = {unit: ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, words(unit)), ir=ModbusSequentialDataBlock(0, words(1000 + unit)), zero_mode=True) for unit in (1, 7)}
context = ModbusServerContext(slaves=slaves, single=False)
print("ready", flush=True)
if kind == "tcp":
    StartTcpServer(context=context, address=("127.0.0.1", int(where)), framer=ModbusSocketFramer)
elif kind == "rtu+tcp":
    StartTcpServer(context=context, address=("127.0.0.1", int(where)), framer=ModbusRtuFramer)
else:
    StartSerialServer(context=context, port=where, baudrate=19200, framer={"rtu": ModbusRtuFramer, "ascii": ModbusAsciiFramer}[kind], timeout=0.05)
