"""Medical e-invoices 医疗电子票据: issued after payment, turned red after refunds, checked day by day."""
